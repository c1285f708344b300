//! What is wrong with a response, in words on standard error, or as one object.
//!
//! Owns how findings look. Refuses to find any: `proto::http::lint` does.

use serde_json::json;

use super::Voice;
use super::wording::{Importance, Line};
use crate::proto::http::lint::{Finding, Severity};

impl Voice {
    /// Tells what was found of the answer to `method` for `url`, be it nothing.
    pub fn linted(&self, method: &str, url: &str, findings: &[Finding]) {
        self.say(&line(method, url, findings));
    }
}

fn line(method: &str, url: &str, findings: &[Finding]) -> Line {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Note].map(count);
    let counted = [(errors, "error"), (warnings, "warning"), (notes, "note")].map(|(n, word)| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    });
    let counted: Vec<_> = counted.into_iter().flatten().collect();
    let summary = if counted.is_empty() { "nothing is wrong".into() } else { counted.join(", ") };
    let objects: Vec<_> = findings
        .iter()
        .map(|one| json!({ "severity": one.severity.to_string(), "section": one.section, "text": one.text }))
        .collect();
    let fields = json!({
        "method": method, "url": url, "errors": errors, "warnings": warnings, "notes": notes, "findings": objects,
    });
    let lines = findings.iter().map(|finding| format!("  {finding}")).collect();
    Line::new(Importance::Asked, "lint", format!("lint of {method} {url}: {summary}"), fields).with(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_stand_below_their_counts() {
        let finding = |severity, text: &str| Finding { severity, section: "RFC 9112 §5.1", text: text.into() };
        let findings = [finding(Severity::Error, "one"), finding(Severity::Error, "two"), finding(Severity::Note, "n")];
        let told = line("GET", "http://h/", &findings);
        assert_eq!(told.text, "lint of GET http://h/: 2 errors, 1 note");
        let more = ["  error: one (RFC 9112 §5.1)", "  error: two (RFC 9112 §5.1)", "  note: n (RFC 9112 §5.1)"];
        assert_eq!(told.more, more);
        assert_eq!((&told.fields["errors"], &told.fields["warnings"]), (&json!(2), &json!(0)));
        assert_eq!(told.fields["findings"][2]["severity"], "note");
        assert_eq!(line("GET", "http://h/", &[]).text, "lint of GET http://h/: nothing is wrong");
    }
}
