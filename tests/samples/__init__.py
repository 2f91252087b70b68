"""Recordings of real speech, as data of the installed package: the tests' and the page's (`deepsc web`)."""
