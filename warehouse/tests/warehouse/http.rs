//! ClickHouse's HTTP interface over the engine.

use std::time::Duration;

use footfall_warehouse::engine;

use crate::child::shared;

/// An answer: status, headers in lower case, body.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request as a user (or as nobody), body and all.
fn send(user: Option<&str>, query: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    let shared = shared();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let url = format!("{}/?{query}", shared.url);
    let password = user.map(|user| match (&shared.data, user) {
        (Some(data), user) => engine::password(data, user).unwrap(),
        (None, _) => shared.password.clone(),
    });
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    if let (Some(user), Some(password)) = (user, &password) {
        all.push(("X-ClickHouse-User", user));
        all.push(("X-ClickHouse-Key", password));
    }
    let result = match body {
        Some(body) => all.iter().fold(agent.post(&url), |r, (k, v)| r.header(*k, *v)).send(body),
        None => all.iter().fold(agent.get(&url), |r, (k, v)| r.header(*k, *v)).call(),
    };
    let mut response = result.unwrap();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
    Answer { status, headers, body }
}

fn post(query: &str, body: &str) -> Answer {
    send(Some("footfall"), query, &[], Some(body.as_bytes()))
}

/// The engine's own behaviour is not a server's to show.
fn is_server() -> bool {
    shared().data.is_none()
}

#[test]
fn statements_come_by_address_and_by_body() {
    for (query, body, expected) in [
        ("", "SELECT 1", "1\n"),
        ("query=SELECT%201", "", "1\n"),
        ("query=SELECT%201", "+ 2 FORMAT CSV", "3\n"),
        ("default_format=JSONEachRow", "SELECT 1 AS a", "{\"a\":1}\n"),
        ("param_x=%27%5C%22&param_n=5", "SELECT {x:String}, {n:UInt8} + 1", "\\'\"\t6\n"),
        ("database=system", "SELECT currentDatabase()", "system\n"),
        ("", "SELECT number FROM numbers(3) WHERE number > 7 FORMAT CSVWithNames", "\"number\"\n"),
        ("", "SHOW DATABASES LIKE 'system'", "system\n"),
    ] {
        let answer = post(query, body);
        assert_eq!((answer.status, answer.text().as_str()), (200, expected), "{query} {body}");
    }
    let json = post("", "SELECT 1 AS a FORMAT JSON");
    assert_eq!(json.header("content-type"), Some("application/json; charset=UTF-8"));
    assert_eq!(json.header("x-clickhouse-format"), Some("JSON"));
    assert!(json.header("x-clickhouse-query-id").is_some());
    assert!(json.header("x-clickhouse-summary").unwrap().contains("\"result_rows\":\"1\""));
}

#[test]
fn errors_have_status_code_and_clickhouses_text() {
    for (query, body, status, code) in [
        ("", "SELEC 1", 400, "62"),
        ("", "SELECT 1; SELECT 2", 400, "62"),
        ("", "SELECT * FROM nowhere.nothing", 404, ""),
        ("", "SELECT nothing", 404, "47"),
        ("max_bla=1", "SELECT 1", 404, "115"),
        ("database=nowhere", "SELECT 1", 404, "81"),
        ("", "SELECT throwIf(1)", 500, "395"),
        ("", "SELECT throwIf(number = 3), 'left' FROM numbers(5) FORMAT JSON", 500, "395"),
    ] {
        let answer = post(query, body);
        assert_eq!(answer.status, status, "{query} {body}: {}", answer.text());
        assert!(answer.text().contains("DB::Exception"), "{}", answer.text());
        let told = answer.header("x-clickhouse-exception-code").unwrap();
        assert!(code.is_empty() || told == code, "{body}: {told}");
        assert_eq!(post("", "SHOW DATABASES LIKE 'system'").text(), "system\n", "after {body}");
    }
}

#[test]
fn a_password_is_needed() {
    if is_server() {
        return;
    }
    let nobody = send(None, "query=SELECT%201", &[], None);
    assert_eq!(nobody.status, 401);
    assert!(nobody.header("www-authenticate").unwrap().starts_with("Basic"));
    assert_eq!(send(None, "query=SELECT%201&user=footfall&password=x", &[], None).status, 403);
    assert_eq!(send(None, "query=SELECT%201&user=default", &[], None).status, 403);
    let password = shared().password;
    let by_address = format!("query=SELECT%201&user=footfall&password={password}");
    assert_eq!(send(None, &by_address, &[], None).status, 200);
    use base64::Engine;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("footfall:{password}"));
    let basic = format!("Basic {basic}");
    assert_eq!(send(None, "query=SELECT%201", &[("Authorization", &basic)], None).status, 200);
}

#[test]
fn the_reader_reads_and_nothing_else() {
    if is_server() {
        return;
    }
    assert_eq!(
        post("", "CREATE TABLE IF NOT EXISTS default.seen (a UInt8) ENGINE = MergeTree ORDER BY a")
            .status,
        200
    );
    let read = |sql: &str| send(Some("reader"), "max_execution_time=5", &[], Some(sql.as_bytes()));
    assert_eq!(read("SELECT count() FROM default.seen").text(), "0\n");
    for sql in [
        "INSERT INTO default.seen VALUES (1)",
        "INSERT INTO default.seen SELECT 1",
        "DROP TABLE default.seen",
        "CREATE TABLE default.other (a UInt8) ENGINE = Memory",
        "ALTER TABLE default.seen DELETE WHERE 1",
        "TRUNCATE TABLE default.seen",
        "SET readonly = 0",
        "SYSTEM DROP MARK CACHE",
        "KILL QUERY WHERE 1",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)",
        "SELECT 1 INTO OUTFILE '/tmp/footfall-should-not-exist'",
        "SELECT 1 SETTINGS readonly = 0",
    ] {
        let answer = read(sql);
        assert!(answer.status >= 400, "{sql}: {} {}", answer.status, answer.text());
    }
    let raised =
        send(Some("reader"), "readonly=0", &[], Some(b"INSERT INTO default.seen VALUES (1)"));
    assert_eq!(raised.status, 403, "{}", raised.text());
    assert_eq!(read("SELECT count() FROM default.seen").text(), "0\n");
    let by_get =
        send(Some("footfall"), "query=INSERT%20INTO%20default.seen%20VALUES%20(1)", &[], None);
    assert_eq!(by_get.status, 403, "a GET changes nothing: {}", by_get.text());
}

#[test]
fn settings_stay_with_their_query() {
    let value = "SELECT value FROM system.settings WHERE name = 'max_block_size'";
    let default = post("", value).text();
    for _ in 0..8 {
        assert_eq!(post("max_block_size=123", value).text(), "123\n");
        assert_eq!(post("", value).text(), default);
        assert_eq!(post("", "SELECT 1 SETTINGS max_block_size = 77").status, 200);
        assert_eq!(post("max_threads=1", value).text(), default);
    }
    for _ in 0..8 {
        post("", "SET max_block_size = 99");
        post("", "USE system");
    }
    for _ in 0..8 {
        assert_eq!(post("", value).text(), default);
        assert_eq!(post("", "SELECT currentDatabase()").text(), "default\n");
    }
}

#[test]
fn large_results_are_sent_while_they_are_made() {
    let sql = "SELECT number FROM numbers(5000000)";
    for (format, length) in [("RowBinary", 40_000_000), ("TabSeparated", 38_888_890)] {
        let answer = post(&format!("default_format={format}"), sql);
        assert_eq!((answer.status, answer.body.len()), (200, length), "{format}");
    }
    let named = post("default_format=RowBinaryWithNamesAndTypes", sql);
    assert_eq!(named.body.len(), 40_000_000 + 15, "the names come once");
    let csv = post("", "SELECT number FROM numbers(200000) FORMAT CSVWithNames").text();
    assert_eq!((csv.lines().count(), csv.matches("number").count()), (200_001, 1));
    let zipped = send(Some("footfall"), "", &[("Accept-Encoding", "gzip")], Some(sql.as_bytes()));
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < 20_000_000);
}

#[test]
fn a_result_that_breaks_off_says_so() {
    let sql = "SELECT throwIf(number = 400000) FROM numbers(1000000)";
    let answer = post("max_block_size=10000&max_threads=1", sql);
    let tag = answer.header("x-clickhouse-exception-tag").unwrap().to_owned();
    assert!(answer.text().ends_with(&format!(" {tag}\r\n__exception__\r\n")), "{}", answer.status);
    assert!(answer.text().contains("Code: 395."));
}

#[test]
fn inserts_take_their_data_from_anywhere() {
    let table = "default.anywhere";
    post("", &format!("DROP TABLE IF EXISTS {table}"));
    assert_eq!(
        post(
            "",
            &format!("CREATE TABLE {table} (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        )
        .status,
        200
    );
    let insert = |query: &str, body: &str| {
        let answer = post(query, body);
        assert_eq!(answer.status, 200, "{query} {body}: {}", answer.text());
    };
    insert("", &format!("INSERT INTO {table} VALUES (1, 'a'), (2, 'b;c')"));
    insert("", &format!("INSERT INTO {table} FORMAT CSV\n3,c\n4,d\n"));
    insert("query=INSERT+INTO+default.anywhere+FORMAT+JSONEachRow", "{\"a\":5,\"b\":\"e\"}");
    insert("query=INSERT+INTO+default.anywhere+VALUES", "(6, 'f')");
    insert("query=INSERT+INTO+default.anywhere+SELECT+7,+toString(1)", "");
    assert_eq!(
        post("", &format!("SELECT sum(a), groupArray(b) FROM (SELECT * FROM {table} ORDER BY a)"))
            .text(),
        "28\t['a','b;c','c','d','e','f','1']\n"
    );
    let broken = post("query=INSERT+INTO+default.anywhere+FORMAT+CSV", "8,x\nnine,y\n");
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert_eq!(post("", &format!("SELECT count() FROM {table}")).text(), "7\n");
}

#[test]
fn forms_are_taken() {
    let body = "--xyz\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT {a:String}\r\n--xyz\r\nContent-Disposition: form-data; name=\"param_a\"\r\n\r\nä\r\n--xyz--\r\n";
    let kind = [("Content-Type", "multipart/form-data; boundary=xyz")];
    let answer = send(Some("footfall"), "", &kind, Some(body.as_bytes()));
    assert_eq!((answer.status, answer.text().as_str()), (200, "ä\n"));
}

#[test]
fn out_of_memory_is_an_error_and_the_engine_lives() {
    let sql = "SELECT length(groupArray(number)) FROM numbers(1000000000)";
    for memory in ["", "max_memory_usage=50000000"] {
        let answer = post(memory, sql);
        assert_eq!(answer.header("x-clickhouse-exception-code"), Some("241"), "{}", answer.text());
    }
    assert_eq!(post("", "SELECT 1").text(), "1\n");
    let slow = post("max_execution_time=1", "SELECT count() FROM numbers(1000000000000)");
    assert_eq!(slow.status, 408, "{}", slow.text());
}

#[test]
fn limits_on_sizes() {
    if is_server() {
        return;
    }
    let long = format!("SELECT '{}'", "x".repeat(2_000_000));
    let answer = post("", &long);
    assert_eq!(answer.status, 413, "{}", answer.text());
    let large = post("", "SELECT repeat('x', 1000) FROM numbers(100000) FORMAT JSON");
    assert_eq!(large.header("x-clickhouse-exception-code"), Some("396"), "{}", large.status);
}
