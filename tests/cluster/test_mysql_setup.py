# SPDX-License-Identifier: MIT
"""`salestide setup --aggregates mysql://...`: what it makes, prints and refuses; passwords and TLS."""

import re

import pymysql
import pytest

import harness
from servers import mysql as mysql_server
from servers.certs import Certificates
from servers.mysql import MariaDb, MySql8

PASSWORD_VARIABLE = {"SALESTIDE_MYSQL_PASSWORD": mysql_server.PASSWORD}


def setup(url, *options, env=None):
    return harness.run("setup", "--aggregates", url, *options, env=PASSWORD_VARIABLE if env is None else env)


def said(done):
    return (done.stdout + done.stderr).decode("utf-8")


def works(url, *options, env=None):
    done = setup(url, *options, env=env)
    assert done.returncode == 0, said(done)
    return done


def refused(url, *options, words=(), env=None, code=2):
    done = setup(url, *options, env=env)
    assert done.returncode == code, said(done)
    line = done.stderr.decode("utf-8").splitlines()[-1]
    for word in words:
        assert word in line
    return line


def definitions(server, database):
    """How the server itself describes every table and view."""
    found = {}
    for name, kind in server.sql("SHOW FULL TABLES", database=database):
        row = server.sql(f"SHOW CREATE {'VIEW' if kind == 'VIEW' else 'TABLE'} `{name}`", database=database)[0]
        found[name] = row[1].replace(f"`{database}`.", "")
    return found


def makes_what_it_prints(server, name):
    made, printed = f"{name}_made", f"{name}_printed"
    works(server.create_database(made), "--currency", "EUR", "--timezone", "Europe/Berlin")
    server.create_user()
    script = works(f"mysql://nobody@nowhere.invalid/{printed}", "--print", "--currency", "EUR",
                   "--timezone", "Europe/Berlin").stdout.decode("utf-8")  # fmt: skip
    for statement in re.split(r";\n", script):
        if statement.strip():
            server.sql(statement.replace("%", "%%") if "%" in statement else statement)
    view = re.compile(r"DEFINER=`[^`]*`@`[^`]*` ")
    described = [{k: view.sub("", v) for k, v in definitions(server, one).items()} for one in (made, printed)]
    assert described[0] == described[1]
    assert described[0].keys() >= {"sales_totals", "sales_by_minute", "total_sales_by_source_state", "rejected_events",
                                   "pipeline_positions", "pipeline_settings", "bi_sales_by_minute"}  # fmt: skip
    settings = [server.sql("SELECT name, value FROM pipeline_settings ORDER BY name", database=one)
                for one in (made, printed)]  # fmt: skip
    assert settings[0] == settings[1]
    assert ("timezone", "Europe/Berlin") in settings[0]


def test_setup_makes_what_it_prints(mariadb, own_name):
    makes_what_it_prints(mariadb, own_name)


@pytest.mark.mysql8
def test_setup_makes_what_it_prints_on_mysql8(mysql8, own_name):
    makes_what_it_prints(mysql8, own_name)


def test_setup_makes_the_database_where_it_may(mariadb, own_name):
    mariadb.create_user()
    line = refused(mariadb.url(own_name), words=["making the database", "Access denied", "GRANT"])
    assert "'sales'@'%'" in line
    mariadb.sql(f"GRANT ALL ON `{own_name}`.* TO 'sales'@'%'")
    works(mariadb.url(own_name))
    again = works(mariadb.url(own_name))
    assert b"currency USD, time zone UTC, late after 600 s" in again.stdout


def test_setup_refuses_other_settings_and_odd_ones(mariadb, own_name):
    url = mariadb.create_database(own_name)
    refused(url, "--currency", "euro", words=["--currency euro"])
    refused(url, "--timezone", "Mars/Base", words=["--timezone Mars/Base"])
    assert mariadb.sql("SHOW TABLES", database=own_name) == []
    works(url, "--currency", "EUR", "--late-limit", "1h")
    refused(url, "--currency", "USD", words=["--currency EUR, not USD", "--aggregates"])
    refused(url, "--late-limit", "2h", words=["--late-limit 3600000ms"])


def test_setup_says_what_is_lost_in_a_table_that_a_user_made(mariadb, own_name):
    url = mariadb.create_database(own_name)
    mariadb.sql("CREATE TABLE total_sales_by_source_state (source VARCHAR(100), state VARCHAR(100), "
                "total_sum_amount double, processed_at VARCHAR(100), batch_id int)", database=own_name)  # fmt: skip
    before = definitions(mariadb, own_name)
    lines = [x for x in said(works(url)).splitlines() if "is used as it was found" in x]
    assert len(lines) == 1
    for word in ("source is latin1", "total_sum_amount is a double", "batch_id is int", "2147483647"):
        assert word in lines[0]
    assert definitions(mariadb, own_name)["total_sales_by_source_state"] == before["total_sales_by_source_state"]


def test_setup_gives_lanes_to_positions_of_an_earlier_version(mariadb, own_name):
    url = mariadb.create_database(own_name)
    works(url)
    columns = ("topic_id", "lane", "window_offset", "window_ms")
    mariadb.sql("DROP TABLE pipeline_lanes, pipeline_refused", database=own_name)
    mariadb.sql(f"ALTER TABLE pipeline_positions {', '.join(f'DROP {name}' for name in columns)}", database=own_name)
    mariadb.sql("ALTER TABLE rejected_retries DROP sent_hash", database=own_name)
    mariadb.sql("INSERT INTO pipeline_positions VALUES ('sales', 3, 77, 5), ('sales', 4, -1, 0)", database=own_name)
    assert mariadb.sql("SHOW TABLES LIKE 'pipeline_lanes'", database=own_name) == []
    works(url)
    works(url)
    assert mariadb.sql("SELECT sent_hash FROM rejected_retries", database=own_name) == []
    assert mariadb.sql("SELECT `partition`, next_offset, epoch, topic_id, lane, window_offset FROM pipeline_positions "
                       "ORDER BY `partition`", database=own_name) == [(3, 77, 5, "", 3, -1), (4, -1, 0, "", -1, -1)]  # fmt: skip
    assert mariadb.sql("SELECT lane, topic, `partition`, next_offset FROM pipeline_lanes",
                       database=own_name) == [(3, "sales", 3, -1)]  # fmt: skip


def keys_of_products(mariadb, name):
    rows = mariadb.sql("SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = %s AND "
                       "table_name = 'sales_by_product' ORDER BY index_name, seq_in_index", (name,))  # fmt: skip
    return [column for key, column in rows if key != "PRIMARY"]


def test_setup_adds_the_key_that_tables_of_an_earlier_version_lack_once(mariadb, own_name):
    url = mariadb.create_database(own_name)
    works(url)
    (name,) = {key for (key,) in mariadb.sql("SELECT index_name FROM information_schema.statistics WHERE table_schema = %s AND "
                                             "table_name = 'sales_by_product' AND index_name <> 'PRIMARY'", (own_name,))}  # fmt: skip
    mariadb.sql(f"ALTER TABLE sales_by_product DROP KEY {name}", database=own_name)
    assert keys_of_products(mariadb, own_name) == []
    for _ in range(2):
        works(url)
        assert keys_of_products(mariadb, own_name) == ["product_id", "day"]


def test_setup_changes_nothing_of_a_newer_version(mariadb, own_name):
    url = mariadb.create_database(own_name)
    works(url)
    mariadb.sql("UPDATE pipeline_settings SET value = '99' WHERE name = 'schema_version'", database=own_name)
    mariadb.sql("ALTER TABLE rejected_retries DROP sent_hash", database=own_name)
    before = definitions(mariadb, own_name)
    refused(url, words=["schema version 99", "made by a newer one"])
    assert definitions(mariadb, own_name) == before


def test_setup_makes_nothing_beside_a_table_that_cannot_be_used(mariadb, own_name):
    url = mariadb.create_database(own_name)
    mariadb.sql("CREATE TABLE total_sales_by_source_state (source VARCHAR(100), state VARCHAR(100), "
                "total_sum_amount DECIMAL(10,2), processed_at VARCHAR(100), batch_id int)",
                database=own_name)  # fmt: skip
    refused(url, words=["total_sum_amount", "decimal(10,2)", "ALTER TABLE"])
    assert len(mariadb.sql("SHOW TABLES", database=own_name)) == 1


def test_the_password_comes_from_the_environment_or_a_file(mariadb, own_name, tmp_path):
    url = mariadb.create_database(own_name)
    refused(url, env={}, words=["Access denied", "SALESTIDE_MYSQL_PASSWORD"])
    refused(url, env={"SALESTIDE_MYSQL_PASSWORD": "wrong"}, words=["Access denied"])
    file = tmp_path / "password"
    file.write_text(mysql_server.PASSWORD + "\nsecond line\n", "utf-8")
    works(url, "--mysql-password-file", file, env={})
    refused(url, "--mysql-password-file", tmp_path / "none", env={}, words=["none", "No such file"])
    line = refused(url.replace("sales@", "sales:word@"), words=["password in it"])
    assert "word@" not in line


def test_a_server_that_is_not_there_may_come_back(own_name):
    line = refused(f"mysql://sales@127.0.0.1:9/{own_name}", code=1, words=["127.0.0.1:9"])
    assert "connecting" in line


# --- The account for BI tools

BI_PASSWORD = "only-to-read\\' it"
NO_RIGHTS = {pymysql.constants.ER.TABLEACCESS_DENIED_ERROR, pymysql.constants.ER.DBACCESS_DENIED_ERROR}


def bi_setup(server, url, tmp_path, user="bi", **more):
    file = tmp_path / "bi-password"
    file.write_text(BI_PASSWORD + "\n", "utf-8")
    return setup(url.replace("//sales@", "//admin@"), "--bi-user", user, "--bi-password-file", file, **more)


def make_admin(server):
    server.create_user("admin")
    server.sql("GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION")


def names_of(server, database, kind):
    return {row[0] for row in server.sql("SHOW FULL TABLES", database=database) if row[1] == kind}


def reads_views_alone(server, name, tmp_path, user):
    url = server.create_database(name)
    make_admin(server)
    first, again = (said(bi_setup(server, url, tmp_path, user)) for _ in range(2))
    assert f"'{user}'@'%' may read the bi_* views\n" in first
    assert "keeps its password" in again
    with server.connect(name, user=user, password=BI_PASSWORD) as own, own.cursor() as cursor:
        views = names_of(server, name, "VIEW")
        assert len(views) >= 6
        for view in views:
            cursor.execute(f"SELECT * FROM {view}")
        refusals = [f"SELECT * FROM {table}" for table in names_of(server, name, "BASE TABLE")]
        refusals += ["DELETE FROM bi_sales_totals", "UPDATE bi_sales_totals SET orders = 0", "CREATE TABLE mine (a int)",
                     "DROP VIEW bi_sales_totals", "SHOW CREATE VIEW bi_sales_totals"]  # fmt: skip
        for statement in refusals:
            with pytest.raises(pymysql.err.Error) as refusal:
                cursor.execute(statement)
            assert refusal.value.args[0] in NO_RIGHTS, (statement, refusal.value)


def test_the_account_for_bi_reads_the_views_and_nothing_else(mariadb, own_name, tmp_path):
    reads_views_alone(mariadb, own_name, tmp_path, "bi-one")


@pytest.mark.mysql8
def test_the_account_for_bi_reads_the_views_and_nothing_else_on_mysql8(mysql8, own_name, tmp_path):
    reads_views_alone(mysql8, own_name, tmp_path, "bi-one")


def test_an_account_that_may_do_more_is_not_taken_for_bi(mariadb, own_name, tmp_path):
    url = mariadb.create_database(own_name)
    make_admin(mariadb)
    done = bi_setup(mariadb, url, tmp_path, "sales")
    assert done.returncode == 2, said(done)
    assert "'sales'@'%' is there and may do more" in said(done)
    mariadb.connect(own_name).close()  # with its own password as before


def test_an_account_that_may_not_make_users_says_who_can(mariadb, own_name, tmp_path):
    url = mariadb.create_database(own_name)
    file = tmp_path / "bi-password"
    file.write_text(BI_PASSWORD, "utf-8")
    refused(url, "--bi-user", "bi-none", "--bi-password-file", file, words=["may not make users", "--print --bi-user bi-none"])
    assert mariadb.sql("SELECT COUNT(*) FROM mysql.user WHERE user = 'bi-none'") == [(0,)]


def test_an_account_for_bi_without_password_or_with_an_odd_name_is_refused_before_anything_is_made(mariadb, own_name):
    url = mariadb.create_database(own_name)
    refused(url, "--bi-user", "bi", words=["has no password", "--bi-password-file"])
    refused(url, "--bi-user", "b'i", env={**PASSWORD_VARIABLE, "SALESTIDE_BI_PASSWORD": "x"}, words=["--bi-user b'i"])
    refused(url, "--bi-password-file", "/no/such/file", words=["goes with --bi-user"])
    assert mariadb.sql("SHOW TABLES", database=own_name) == []


def test_the_printed_account_for_bi_is_locked_until_it_gets_a_password(mariadb, own_name):
    works(mariadb.create_database(own_name))
    script = works(f"mysql://nobody@nowhere.invalid/{own_name}", "--print", "--bi-user", "bi-printed").stdout.decode()
    _, _, statements = script.partition("CREATE USER")
    assert "IDENTIFIED BY 'its password' ACCOUNT UNLOCK" in statements
    for statement in ("CREATE USER" + statements).split(";\n"):
        if not statement.startswith("--"):
            mariadb.sql(statement)
    with pytest.raises(pymysql.err.OperationalError):
        mariadb.connect(own_name, user="bi-printed", password="")
    mariadb.sql("ALTER USER 'bi-printed'@'%' IDENTIFIED BY 'its password' ACCOUNT UNLOCK")
    with mariadb.connect(own_name, user="bi-printed", password="its password") as own, own.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM bi_sales_by_day")


# --- TLS


def check_tls(server, name, other_ca):
    url = server.create_database(name)
    ca = server.certs.ca
    refused(url)  # the server demands TLS
    done = works(url, "--mysql-ca", ca)
    assert "TLS " in said(done)
    works(url, "--mysql-tls", "encrypt")
    works(url.replace("127.0.0.1", "localhost"), "--mysql-ca", ca)
    refused(url, "--mysql-ca", other_ca, words=["--mysql-ca"])
    refused(url, "--mysql-tls", "verify", words=["--mysql-ca"])  # the system does not know this authority
    refused(url, "--mysql-ca", "/no/such/file", words=["--mysql-ca"])
    refused(url, "--mysql-tls", "encrypt", "--mysql-ca", ca, words=["--mysql-tls encrypt"])


def test_tls_is_checked_against_the_authority_that_was_given(tmp_path, certs):
    other = Certificates(tmp_path / "other", "others")
    with MariaDb(tmp_path / "mariadb", {"require_secure_transport": "ON"}, certs).start() as server:
        check_tls(server, "t", other.ca)


@pytest.mark.mysql8
def test_tls_and_caching_sha2_password_on_mysql8(tmp_path, certs):
    other = Certificates(tmp_path / "other", "others")
    with MySql8(tmp_path / "mysql8", {"require_secure_transport": "ON"}, certs).start() as server:
        check_tls(server, "t", other.ca)


def test_a_certificate_of_another_host_is_refused(tmp_path):
    certs = Certificates(tmp_path / "certs")
    extensions = certs.directory / "server.ext"
    extensions.write_text("subjectAltName=DNS:elsewhere.invalid\nextendedKeyUsage=serverAuth\n", "ascii")
    certs.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=elsewhere.invalid", "-keyout", certs.key,
                  "-out", certs.directory / "server.csr")  # fmt: skip
    certs.openssl("x509", "-req", "-in", certs.directory / "server.csr", "-CA", certs.ca, "-CAkey", certs.ca_key,
                  "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certs.certificate)  # fmt: skip
    with MariaDb(tmp_path / "mariadb", certs=certs).start() as server:
        url = server.create_database("t")
        refused(url, "--mysql-ca", certs.ca, words=["--mysql-ca"])
        works(url, "--mysql-tls", "encrypt")


def test_a_server_without_tls_is_refused_when_tls_is_asked_for(tmp_path):
    with MariaDb(tmp_path / "mariadb", {"ssl": "OFF"}).start() as server:
        refused(server.create_database("t"), "--mysql-tls", "encrypt", words=["--mysql-tls"])


@pytest.mark.mysql8
def test_caching_sha2_password_without_tls_takes_the_server_s_key(mysql8, own_name):
    url = mysql8.create_database(own_name)
    mysql8.sql("FLUSH PRIVILEGES")  # forgets who logged in before: the next login is a full one
    done = works(url)
    assert "no TLS" in said(done)
    mysql8.sql("FLUSH PRIVILEGES")
    refused(url, env={"SALESTIDE_MYSQL_PASSWORD": "wrong"}, words=["Access denied"])


def test_a_read_only_server_is_passed_over_for_the_next_host(tmp_path, mariadb, own_name):
    url = mariadb.create_database(own_name)
    with MariaDb(tmp_path / "replica", {"read_only": "ON"}).start() as replica:
        replica.create_user()
        alone = replica.url(own_name)
        assert "read-only" in refused(alone, code=1)
        both = f"mysql://sales@127.0.0.1:{replica.port},127.0.0.1:{mariadb.port}/{own_name}"
        assert "trying the next host" in said(works(both))
    assert mariadb.sql("SELECT COUNT(*) FROM pipeline_settings", database=own_name) == [(4,)]
    assert url.endswith(own_name)

