"""`python -m deepsc_host`: the command `deepsc`, of this very interpreter."""

import sys

from .start import main

sys.exit(main())
