//! Writes differences of visits: the bytes that the general serialiser makes of a
//! [`SessionDelta`](crate::SessionDelta), in a fraction of its time.
//!
//! A visit writes a difference whenever it grew, and most of the record never changes. So the texts
//! that belong together are written out once ([`Origin`], [`Context`]) and kept as bytes; a
//! [`Difference`] puts them between what did change.

use crate::json::{hex, integer, number, quoted, text};
use crate::record::{Device, VERSION};
use crate::{Hex64, Verdict};

/// The dimensions that a visit's first page view decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// See [`SessionDelta::host`](crate::SessionDelta::host), and so on for the others.
    pub host: &'a str,
    /// Name of the source.
    pub source: &'a str,
    /// Channel.
    pub channel: &'a str,
    /// Referrer's host.
    pub referrer_host: &'a str,
    /// `utm_medium`.
    pub utm_medium: &'a str,
    /// `utm_campaign`.
    pub utm_campaign: &'a str,
    /// `utm_content`.
    pub utm_content: &'a str,
    /// `utm_term`.
    pub utm_term: &'a str,
}

/// The dimensions that a visit's first activity decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// See [`SessionDelta::browser`](crate::SessionDelta::browser), and so on for the others.
    pub browser: &'a str,
    /// Operating system family.
    pub os: &'a str,
    /// Kind of device.
    pub device: Device,
    /// Class of the screen's width.
    pub screen: &'a str,
    /// Preferred language.
    pub language: &'a str,
    /// Country code.
    pub country: &'a str,
    /// Region.
    pub region: &'a str,
    /// City.
    pub city: &'a str,
}

/// What is summed up; see [`SessionDelta`](crate::SessionDelta) for the meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at the record's fields of the same names")]
pub struct Measures {
    pub visits: i32,
    pub bounces: i32,
    pub pageviews: i32,
    pub duration_ms: i64,
    pub engaged_ms: i64,
    pub visitors: i32,
    pub source_visitors: i32,
    pub channel_visitors: i32,
    pub campaign_visitors: i32,
    pub entry_visitors: i32,
    pub exit_visitors: i32,
    pub exits: i32,
}

/// One difference of one visit, its fixed texts written out already.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// The registered domain.
    pub site: &'a str,
    /// The visit.
    pub session: Hex64,
    /// Its visitor.
    pub visitor: Hex64,
    /// When the visit began, milliseconds since 1970.
    pub start: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// Path of the first page view.
    pub entry: &'a str,
    /// Path of the last page view.
    pub exit: &'a str,
    /// What [`Origin::append`] wrote.
    pub origin: &'a str,
    /// What [`Context::append`] wrote.
    pub context: &'a str,
    /// The measures.
    pub measures: Measures,
    /// The exit page until now, when the record moves it.
    pub left: &'a str,
    /// What `left` gains of `exit_visitors`.
    pub left_visitors: i32,
}

/// Members of one kind, each under its field's name and behind a comma.
macro_rules! members {
    ($write:ident $out:ident, $from:ident: $($name:ident)+) => {
        $($write($out, concat!(",\"", stringify!($name), "\":"), $from.$name.into());)+
    };
}

impl Origin<'_> {
    /// Appends the members as they stand in a record.
    pub fn append(&self, out: &mut Vec<u8>) {
        members!(text out, self: host source channel referrer_host);
        members!(text out, self: utm_medium utm_campaign utm_content utm_term);
    }
}

impl Context<'_> {
    /// Appends the members as they stand in a record.
    pub fn append(&self, out: &mut Vec<u8>) {
        members!(text out, self: browser os);
        text(out, ",\"device\":", self.device.as_str());
        members!(text out, self: screen language country region city);
    }
}

impl Measures {
    fn append(&self, out: &mut Vec<u8>) {
        members!(number out, self: visits bounces pageviews duration_ms engaged_ms visitors);
        members!(number out, self: source_visitors channel_visitors campaign_visitors);
        members!(number out, self: entry_visitors exit_visitors exits);
    }

    /// The same, taken back.
    #[must_use]
    pub fn negated(self) -> Measures {
        Measures {
            visits: -self.visits,
            bounces: -self.bounces,
            pageviews: -self.pageviews,
            duration_ms: -self.duration_ms,
            engaged_ms: -self.engaged_ms,
            visitors: -self.visitors,
            source_visitors: -self.source_visitors,
            channel_visitors: -self.channel_visitors,
            campaign_visitors: -self.campaign_visitors,
            entry_visitors: -self.entry_visitors,
            exit_visitors: -self.exit_visitors,
            exits: -self.exits,
        }
    }
}

impl Difference<'_> {
    /// Appends the record's bytes to `out`.
    pub fn append(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"v\":");
        integer(out, i64::from(VERSION));
        out.extend_from_slice(b",\"site\":");
        quoted(out, self.site);
        members!(hex out, self: session visitor);
        out.extend_from_slice(b",\"start\":");
        integer(out, self.start);
        text(out, ",\"verdict\":", self.verdict.as_str());
        members!(text out, self: entry exit);
        out.extend_from_slice(self.origin.as_bytes());
        out.extend_from_slice(self.context.as_bytes());
        self.measures.append(out);
        members!(text out, self: left);
        members!(number out, self: left_visitors);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionDelta;

    fn written(delta: &SessionDelta<'_>) -> Vec<u8> {
        macro_rules! of {
            ($type:ident: $($text:ident)*; $($plain:ident)*) => {
                $type { $($text: &delta.$text,)* $($plain: delta.$plain,)* }
            };
        }
        let (mut origin, mut context) = (Vec::new(), Vec::new());
        of!(Origin: host source channel referrer_host utm_medium utm_campaign utm_content utm_term;)
            .append(&mut origin);
        of!(Context: browser os screen language country region city; device).append(&mut context);
        let measures = of!(Measures: ; visits bounces pageviews duration_ms engaged_ms visitors
            source_visitors channel_visitors campaign_visitors entry_visitors exit_visitors exits);
        let mut out = Vec::new();
        Difference {
            site: &delta.site,
            session: delta.session,
            visitor: delta.visitor,
            start: delta.start,
            verdict: delta.verdict,
            entry: &delta.entry,
            exit: &delta.exit,
            origin: std::str::from_utf8(&origin).unwrap(),
            context: std::str::from_utf8(&context).unwrap(),
            measures,
            left: &delta.left,
            left_visitors: delta.left_visitors,
        }
        .append(&mut out);
        out
    }

    #[test]
    fn the_bytes_are_those_of_the_wire_format() {
        let empty = SessionDelta::new("e\"x", Hex64(1), Hex64(u64::MAX), i64::MIN);
        let mut json = serde_json::to_value(&empty).unwrap();
        let named = schemars::schema_for!(SessionDelta<'static>).to_value();
        for (at, (name, schema)) in named["properties"].as_object().unwrap().iter().enumerate() {
            // Every field in turn, with what needs care.
            let kind = schema["type"].as_str();
            let value = match name.as_str() {
                "v" | "session" | "visitor" | "verdict" => continue,
                "device" => "television".into(),
                _ if kind == Some("string") => format!("ü\n\"\\{at}").into(),
                _ => serde_json::Value::from(if at % 2 == 0 { -(at as i64) } else { 1 << 30 }),
            };
            json[name] = value;
            let text = json.to_string();
            let delta: SessionDelta<'_> = serde_json::from_str(&text).unwrap();
            let bytes = written(&delta);
            assert_eq!(String::from_utf8(bytes).unwrap(), serde_json::to_string(&delta).unwrap());
        }
    }
}
