# SPDX-License-Identifier: MIT
"""What `superset db upgrade`, `fab create-admin`, `init` and `import-dashboards` do, in one process: each of them alone loads
all of Superset again, and shows admin's password in the list of processes.

usage: prepare.py BUNDLE.zip      in Superset's own environment, as start.sh sets it; the variable SUPERSET_ADMIN_PASSWORD
                                  makes the user admin or gives an existing one this password
"""

import os
import sys

from flask.cli import ScriptInfo
from superset.app import create_app
from superset.cli.main import superset

if len(sys.argv) != 2:
    sys.exit(__doc__)
app = ScriptInfo(create_app=create_app)


def run(*arguments):
    print("superset", arguments[0], flush=True)
    superset.main(args=list(arguments), prog_name="superset", obj=app, standalone_mode=False)


run("db", "upgrade")
if password := os.environ.get("SUPERSET_ADMIN_PASSWORD"):
    run("fab", "create-admin", "--username", "admin", "--firstname", "Sales", "--lastname", "Tide", "--email", "admin@localhost", "--password", password)
    run("fab", "reset-password", "--username", "admin", "--password", password)  # of one that was there already
run("init")
run("import-dashboards", "-p", sys.argv[1], "-u", "admin")
