"""`python -m deepsc_host`: the command `deepsc`, of this very interpreter."""

import sys

from .cli import main

sys.exit(main())
