# SPDX-License-Identifier: MIT
"""MariaDB, which the tests of this suite share."""

from servers.shared import mariadb  # noqa: F401  (a fixture)
