"""GNU Radio Companion flowgraphs, as data of the installed package; `deepsc flowgraph list` names them."""
