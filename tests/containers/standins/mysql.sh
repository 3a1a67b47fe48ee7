#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# MySQL 8 as the image of that name: the first start makes root, the database and its user, of whose passwords the
# variables name the files; then it listens.
set -euo pipefail
mysqld=(/opt/mysql/bin/mysqld --no-defaults --user=mysql --basedir=/opt/mysql --lc-messages-dir=/opt/mysql/share
    --datadir=/var/lib/mysql --socket=/tmp/mysql.sock --pid-file=/tmp/mysql.pid --mysqlx=OFF --performance-schema=OFF)
if [ ! -d /var/lib/mysql/mysql ]; then
    chown mysql /var/lib/mysql
    root=$(head -n 1 "$MYSQL_ROOT_PASSWORD_FILE")
    user=$(head -n 1 "$MYSQL_PASSWORD_FILE")
    cat >/tmp/init.sql <<SQL
ALTER USER 'root'@'localhost' IDENTIFIED BY '$root';
CREATE USER 'root'@'%' IDENTIFIED BY '$root';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
CREATE DATABASE \`$MYSQL_DATABASE\`;
CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$user';
GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';
SQL
    chmod 644 /tmp/init.sql
    "${mysqld[@]}" --initialize-insecure --init-file=/tmp/init.sql
    rm /tmp/init.sql
fi
exec "${mysqld[@]}" "$@"
