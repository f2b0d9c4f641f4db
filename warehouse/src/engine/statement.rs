//! What kind of statement a text is, as far as the HTTP interface must know.
//!
//! The engine's parser decides what a statement means; this only finds where an INSERT's data
//! begins, which format a SELECT names, and the few things that ClickHouse's server refuses over
//! HTTP but its library would do: several statements, files of this machine.

mod lexer;

use self::lexer::{Kind, Lexer, Token};

/// A statement, sorted by how it must be run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement<'a> {
    /// A query whose result can be sent while it is made.
    Select {
        /// The format that the query itself names.
        format: Option<&'a str>,
    },
    /// An INSERT with data.
    Insert {
        /// Everything up to the data, without the format.
        head: &'a str,
        /// Format of the data.
        format: &'a str,
        /// Data that stands in the statement.
        data: &'a str,
    },
    /// Anything else.
    Other {
        /// It only shows something.
        reads: bool,
        /// It may change the connection it ran on (SET, USE, temporary tables).
        taints: bool,
    },
}

/// Why a statement is refused before the engine sees it, in ClickHouse's form.
pub(crate) type Refusal = String;

/// Sorts a statement.
///
/// # Errors
/// When it is one that must not be run over HTTP; the text is in ClickHouse's form.
pub(crate) fn analyse(sql: &str) -> Result<Statement<'_>, Refusal> {
    let mut lexer = Lexer::new(sql);
    let Some(first) = lexer.next() else {
        return Err("Code: 62. DB::Exception: Empty query. (SYNTAX_ERROR)".to_owned());
    };
    if first.is("INSERT") {
        return insert(sql, lexer);
    }
    let tokens: Vec<Token<'_>> = std::iter::once(first).chain(lexer).collect();
    check(&tokens)?;
    if first.is("SELECT") || first.is("WITH") {
        return Ok(Statement::Select { format: format_of(&tokens) });
    }
    let taints = first.is("SET")
        || first.is("USE")
        || tokens.iter().any(|token| token.is("TEMPORARY") || token.is("TEMP"));
    let reads = ["SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"].iter().any(|word| first.is(word));
    Ok(Statement::Other { reads, taints })
}

/// The top-level `FORMAT name` of a query.
fn format_of<'a>(tokens: &[Token<'a>]) -> Option<&'a str> {
    tokens.windows(2).rev().find_map(|pair| {
        let named = pair[0].is("FORMAT") && pair[0].depth == 0 && pair[1].kind == Kind::Word;
        named.then_some(pair[1].text)
    })
}

fn insert<'a>(sql: &'a str, lexer: Lexer<'a>) -> Result<Statement<'a>, Refusal> {
    let mut head = Vec::new();
    let mut tokens = lexer;
    while let Some(token) = tokens.next() {
        head.push(token);
        if token.depth > 0 {
            continue;
        }
        if token.is("SELECT") || token.is("WITH") || token.is("WATCH") {
            head.extend(tokens);
            check(&head)?;
            return Ok(Statement::Other { reads: false, taints: false });
        }
        if token.is("VALUES") {
            check(&head)?;
            let data = &sql[token.end()..];
            return Ok(Statement::Insert { head: &sql[..token.start], format: "Values", data });
        }
        if token.is("FORMAT") {
            check(&head)?;
            let Some(name) = tokens.next().filter(|token| token.kind == Kind::Word) else { break };
            if name.text.eq_ignore_ascii_case("VALUES") {
                let data = &sql[name.end()..];
                return Ok(Statement::Insert { head: &sql[..token.start], format: "Values", data });
            }
            let data = first_line_break(&sql[name.end()..]);
            return Ok(Statement::Insert { head: &sql[..token.start], format: name.text, data });
        }
    }
    check(&head)?;
    Ok(Statement::Insert { head: sql.trim_end().trim_end_matches(';'), format: "Values", data: "" })
}

/// Data begins after the blanks behind the format's name, and one line break.
fn first_line_break(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t', '\r']);
    text.strip_prefix('\n').unwrap_or(text)
}

/// Refuses what a server would refuse over HTTP.
fn check(tokens: &[Token<'_>]) -> Result<(), Refusal> {
    if let Some(place) = tokens.iter().position(|token| token.kind == Kind::Sign(b';'))
        && tokens[place + 1..].iter().any(|token| token.kind != Kind::Sign(b';'))
    {
        return Err("Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)".to_owned());
    }
    if tokens.iter().any(|token| token.is("OUTFILE") || token.is("INFILE")) {
        return Err("Code: 48. DB::Exception: INTO OUTFILE and FROM INFILE are not allowed over HTTP. (NOT_IMPLEMENTED)".to_owned());
    }
    if tokens.iter().any(|token| token.kind == Kind::Curly) {
        return Err(
            "Code: 62. DB::Exception: Syntax error: write ' and \" for quotes. (SYNTAX_ERROR)"
                .to_owned(),
        );
    }
    for pair in tokens.windows(2) {
        let [name, next] = pair else { continue };
        let named = matches!(name.kind, Kind::Word | Kind::QuotedWord);
        let bare = name.text.trim_matches(['`', '"']);
        // An escape could spell any name, and no name of ours has one.
        let hidden = name.kind == Kind::QuotedWord && bare.contains('\\');
        if named && next.kind == Kind::Sign(b'(') && (bare.eq_ignore_ascii_case("file") || hidden) {
            return Err("Code: 497. DB::Exception: Not enough privileges: files of this machine can't be read. (ACCESS_DENIED)".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserts_are_cut_before_their_data() {
        let insert = |head, format, data| Ok(Statement::Insert { head, format, data });
        for (sql, expected) in [
            ("INSERT INTO t FORMAT Native", insert("INSERT INTO t ", "Native", "")),
            (
                "insert into t (a, `format`) format CSV\n1,2\n",
                insert("insert into t (a, `format`) ", "CSV", "1,2\n"),
            ),
            (
                "INSERT INTO t(format) VALUES (1)",
                insert("INSERT INTO t(format) ", "Values", " (1)"),
            ),
            (
                "INSERT INTO t SETTINGS a = 'FORMAT' FORMAT TSV \n\nx",
                insert("INSERT INTO t SETTINGS a = 'FORMAT' ", "TSV", "\nx"),
            ),
            (
                "/* SELECT */ INSERT INTO t -- FORMAT CSV\nFORMAT Values (1)",
                insert("/* SELECT */ INSERT INTO t -- FORMAT CSV\n", "Values", " (1)"),
            ),
            ("INSERT INTO t;", insert("INSERT INTO t", "Values", "")),
            ("INSERT INTO t (a) SELECT 1", Ok(Statement::Other { reads: false, taints: false })),
        ] {
            assert_eq!(analyse(sql), expected, "{sql}");
        }
    }

    #[test]
    fn the_rest_is_sorted() {
        for (sql, expected) in [
            ("select 1 format JSON", Statement::Select { format: Some("JSON") }),
            ("WITH 1 AS x SELECT x, 'FORMAT CSV'", Statement::Select { format: None }),
            ("SELECT (SELECT 1 FORMAT CSV)", Statement::Select { format: None }),
            ("SELECT 1;  -- done", Statement::Select { format: None }),
            ("SELECT $a$ ; FORMAT X $a$", Statement::Select { format: None }),
            ("set max_threads = 1", Statement::Other { reads: false, taints: true }),
            ("CREATE TEMPORARY TABLE x (a Int8)", Statement::Other { reads: false, taints: true }),
            ("SHOW TABLES", Statement::Other { reads: true, taints: false }),
        ] {
            assert_eq!(analyse(sql), Ok(expected), "{sql}");
        }
    }

    #[test]
    fn what_reaches_out_is_refused() {
        for (sql, code) in [
            ("", "62"),
            ("-- nothing", "62"),
            ("SELECT 1; SET readonly = 0", "62"),
            ("SELECT 1 INTO OUTFILE '/tmp/x'", "48"),
            ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", "48"),
            ("SELECT file('/etc/passwd')", "497"),
            ("SELECT `file` /* */ ('/etc/passwd')", "497"),
            ("SELECT \"f\\x69le\"('/etc/passwd')", "497"),
            ("INSERT INTO t SELECT file('x')", "497"),
            ("SELECT file\u{a0}('/etc/passwd')", "497"),
            ("SELECT \u{201c}file\u{201d}('/etc/passwd')", "62"),
        ] {
            let refusal = analyse(sql).unwrap_err();
            assert!(refusal.starts_with(&format!("Code: {code}.")), "{sql}: {refusal}");
        }
        assert!(analyse("SELECT 'INTO OUTFILE', file, 'file(1)' FROM t").is_ok());
    }

    #[test]
    fn odd_texts_do_not_panic() {
        for sql in
            ["'", "`ä", "SELECT '\\", "$$", "$ä$", "INSERT", "INSERT INTO t FORMAT", "/*", "ä;"]
        {
            let _ = analyse(sql);
        }
    }
}
