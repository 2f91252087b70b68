"""GNU Radio from the command line: flowgraphs that commands build, find, compile and run in this process.

gnuradio    its modules, imported late, and its log kept off stdout
collector   the end of a flowgraph: messages -> a queue of dictionaries
simulation  the transmitter, the channel and the receiver in one flowgraph
receiving   a receiver fed with recorded samples
programs    the shipped .grc files: found, compiled to Python, run
"""
