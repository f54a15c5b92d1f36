import sys

from bigram.cli import main

sys.exit(main())
