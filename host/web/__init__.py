"""`deepsc web`: a page to try the whole chain in a browser.

server      socket, browser, and the end by Ctrl-C
app         which address answers what
guard       who may ask: Host, Origin, token
recordings  what can be sent: shipped samples, and what was uploaded, in a temporary folder
wish        what a run was asked for, in the words of `deepsc simulate`
runs        one run after the other, in a thread, and what happens in them as events
stages      what happens in one run
words       the received text word by word, held against what was said
views       spectrogram, waterfall and constellation as numbers to draw
files       what can be downloaded of a run
page/       the page itself: HTML, CSS and ES modules
"""
