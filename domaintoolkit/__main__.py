"""`python -m domaintoolkit`, which launchers of several processes take in place of a script."""

from domaintoolkit.cli import main

main()
