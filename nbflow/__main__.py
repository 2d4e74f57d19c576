"""`python -m nbflow` is the command `nbflow`."""

from nbflow.cli import main

raise SystemExit(main())
