"""The commands, one file each: ``add_options(parser)`` and ``run(args)``, which returns the exit
status.

Nothing heavy is imported before ``run``, so that ``--help`` and a typing error are answered at
once.
"""
