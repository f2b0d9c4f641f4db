//! Words, literals and signs of ClickHouse's SQL.

/// What a piece of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    /// Quoted by backticks or double quotes.
    QuotedWord,
    Literal,
    Sign(u8),
    Curly,
}

/// A piece of a statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Where it begins.
    pub(super) start: usize,
    /// Brackets that are open around it.
    pub(super) depth: u32,
}

impl<'a> Token<'a> {
    /// Whether it is this word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The position behind it.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Cuts a statement into words, literals and signs; comments are left out.
pub(super) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(sql: &'a str) -> Lexer<'a> {
        Lexer { sql, at: 0, depth: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.sql.as_bytes()[self.at..]
    }

    /// Skips to behind `end`, or to the end of the text.
    fn skip_to(&mut self, end: &str) {
        self.at = match self.sql[self.at..].find(end) {
            Some(place) => self.at + place + end.len(),
            None => self.sql.len(),
        };
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            match rest {
                [byte, ..] if byte.is_ascii_whitespace() || *byte == 0x0b => self.at += 1,
                [b'-', b'-', ..] | [b'#', b' ' | b'!', ..] => self.skip_to("\n"),
                [b'/', b'*', ..] => {
                    self.at += 2;
                    self.skip_to("*/");
                }
                // ClickHouse takes many blanks of Unicode for blanks; none of its words has any
                // of these characters.
                [byte, ..] if !byte.is_ascii() && !self.at_curly_quote() => {
                    self.at += self.sql[self.at..].chars().next().map_or(1, char::len_utf8);
                }
                _ => return,
            }
        }
    }

    fn at_curly_quote(&self) -> bool {
        self.sql[self.at..].starts_with(['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}'])
    }

    /// Length of a quoted text with its quotes: doubled quotes and backslashes escape.
    fn quoted(&self, quote: u8) -> usize {
        let rest = self.rest();
        let mut at = 1;
        while at < rest.len() {
            match rest[at] {
                b'\\' => at += 2,
                byte if byte == quote && rest.get(at + 1) == Some(&quote) => at += 2,
                byte if byte == quote => return at + 1,
                _ => at += 1,
            }
        }
        rest.len()
    }

    /// Length of a here-document (`$tag$ … $tag$`), if one begins here.
    fn here_document(&self) -> Option<usize> {
        let rest = &self.sql[self.at..];
        let tag_end = rest[1..].find('$')? + 2;
        let tag = &rest[..tag_end];
        let word = tag[1..tag_end - 1].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let end = rest[tag_end..].find(tag)?;
        word.then_some(tag_end + end + tag_end)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let rest = self.rest();
        let first = *rest.first()?;
        let (kind, length) = match first {
            b'\'' => (Kind::Literal, self.quoted(first)),
            b'`' | b'"' => (Kind::QuotedWord, self.quoted(first)),
            b'$' => match self.here_document() {
                Some(length) => (Kind::Literal, length),
                None => (Kind::Sign(first), 1),
            },
            byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
                let is_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
                (Kind::Word, rest.iter().take_while(|b| is_word(b)).count())
            }
            byte if byte.is_ascii() => (Kind::Sign(byte), 1),
            // A curly quote, which quotes in ClickHouse too.
            _ => (Kind::Curly, 3),
        };
        let mut end = (self.at + length).min(self.sql.len());
        while !self.sql.is_char_boundary(end) {
            end += 1;
        }
        let depth = self.depth;
        match kind {
            Kind::Sign(b'(') => self.depth += 1,
            Kind::Sign(b')') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let token = Token { kind, text: &self.sql[self.at..end], start: self.at, depth };
        self.at = end;
        Some(token)
    }
}
