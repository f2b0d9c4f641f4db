//! What the aggregator adds to an event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::{Hex64, Verdict, VerdictReason, json};

/// What the aggregator found out about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Every reason for it, in the rules' order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<VerdictReason>,
    /// Version of the rules that judged.
    pub rules: u32,
    /// The visit it belongs to, at the moment of judging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Hex64>,
    /// 1 for the first activity of its visitor (a visitor id lives one UTC day): their sum is the
    /// number of visitors. Valid and invalid events are counted apart.
    #[serde(default, skip_serializing_if = "is_default")]
    pub new_visitor: u8,
    /// 1 for a visitor's first page view of its path, or first action of its name, in the visitor
    /// id's day: their sum is the number of visitors of the path or action.
    #[serde(default, skip_serializing_if = "is_default")]
    pub new_on_path: u8,
    /// It came after the bounded lateness.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: bool,
    /// Of a click: what was noticed that decides nothing alone, as a sum of bits. 1: its impression
    /// could be measured and was never in view; 2: nothing proves its impression; 4: it came sooner
    /// than a person's; 8: its network had clicked in this placement before; 16: and at several other
    /// publishers; 32: its visitor has shown no other sign of life; 64: its network had not been seen
    /// a minute before; 128: few people share its network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub marks: u16,
}

/// Appends to `out` the accepted record with its judgement as the last member.
///
/// # Panics
/// When `record` does not end with `}`: only records that parsed may be judged.
pub fn append_judgement(record: &[u8], judgement: &Judgement, out: &mut Vec<u8>) {
    let end = record.iter().rposition(|&b| b == b'}').expect("a parsed record is an object");
    out.extend_from_slice(&record[..end]);
    let Judgement { verdict, reasons, rules, session, .. } = judgement;
    let Judgement { new_visitor, new_on_path, late, marks, .. } = judgement;
    out.extend_from_slice(b",\"judged\":{\"verdict\":\"");
    out.extend_from_slice(verdict.as_str().as_bytes());
    out.push(b'"');
    if !reasons.is_empty() {
        out.extend_from_slice(b",\"reasons\":");
        serde_json::to_writer(&mut *out, reasons).expect("a list of words");
    }
    out.extend_from_slice(b",\"rules\":");
    json::integer(out, i64::from(*rules));
    if let Some(session) = session {
        json::hex(out, ",\"session\":", *session);
    }
    json::number(out, ",\"new_visitor\":", i64::from(*new_visitor));
    json::number(out, ",\"new_on_path\":", i64::from(*new_on_path));
    if *late {
        out.extend_from_slice(b",\"late\":true");
    }
    json::number(out, ",\"marks\":", i64::from(*marks));
    out.push(b'}');
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activity, Event, Id};

    #[test]
    fn the_judgement_is_added_and_nothing_else_changes() {
        let mut event = Event::new(Activity::Search, Id::from_u128(7), "example.com", 1_000);
        event.query = "Größe \"42\"".into();
        let judgement = Judgement {
            verdict: Verdict::Invalid,
            reasons: vec![VerdictReason::BotAgent],
            rules: 1,
            session: Some(Hex64(9)),
            new_visitor: 1,
            new_on_path: 0,
            late: false,
            marks: 0,
        };
        let mut out = Vec::new();
        append_judgement(&event.to_json(), &judgement, &mut out);
        let other = Judgement {
            verdict: Verdict::Valid,
            reasons: Vec::new(),
            session: None,
            new_visitor: 0,
            new_on_path: 1,
            late: true,
            marks: 160,
            ..judgement.clone()
        };
        for judgement in [&judgement, &other] {
            let mut out = Vec::new();
            append_judgement(b"{}", judgement, &mut out);
            let general = format!("{{,\"judged\":{}}}", serde_json::to_string(judgement).unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), general);
        }
        let judged = Event::from_json(&out).unwrap();
        assert_eq!(judged.judged, Some(judgement));
        assert_eq!(Event { judged: None, ..judged }, event);
    }
}
