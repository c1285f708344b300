//! What a server answered to a question of its own protocol, in words and as JSON.

use std::time::Duration;

use serde_json::{Map, json};

use super::voice::{Voice, words};
use crate::error::Error;
use crate::proto::probe::{Answer, Field, Value};

/// An answer, and how it came about.
#[derive(Clone, Debug)]
pub struct ServerAnswer<'a> {
    /// Who gave it.
    pub peer: &'a str,
    /// Which protocol it is of.
    pub probe: &'static str,
    /// What it says.
    pub answer: &'a Answer,
    /// Since the question.
    pub took: Duration,
    /// How often the question was sent.
    pub asked: usize,
}

impl Voice {
    /// Tells an answer on standard output: one line, and below it the rest of what it says.
    pub fn answered(&self, told: &ServerAnswer<'_>) -> Result<(), Error> {
        let again = if told.asked > 1 { format!(", asked {} times", told.asked) } else { String::new() };
        let first = format!("{}: {}, in {}{again}", told.peer, told.answer.summary(), words(told.took));
        let more = told.answer.details().into_iter().map(|line| format!("  {line}"));
        let lines: Vec<_> = [first].into_iter().chain(more).collect();
        self.results(&lines, &fields(told))
    }
}

fn fields(told: &ServerAnswer<'_>) -> serde_json::Value {
    let mut object = object(told.answer.fields());
    object.extend([
        ("event".to_owned(), json!("answer")),
        ("peer".to_owned(), json!(told.peer)),
        ("probe".to_owned(), json!(told.probe)),
        ("seconds".to_owned(), json!(told.took.as_secs_f64())),
        ("asked".to_owned(), json!(told.asked)),
    ]);
    object.into()
}

fn object(fields: Vec<Field>) -> Map<String, serde_json::Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), as_json(value))).collect()
}

fn as_json(value: Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.into(),
        Value::Count(number) => number.into(),
        Value::Integer(number) => number.into(),
        Value::Real(number) => number.into(),
        Value::Flag(flag) => flag.into(),
        Value::List(values) => values.into_iter().map(as_json).collect::<Vec<_>>().into(),
        Value::Record(fields) => object(fields).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_json() {
        let value = Value::Record(vec![
            ("text", Value::Text("a\"b".into())),
            ("list", Value::List(vec![Value::Count(u64::MAX), Value::Integer(-1), Value::Flag(true)])),
            ("real", Value::Real(0.5)),
        ]);
        assert_eq!(as_json(value), json!({ "text": "a\"b", "list": [u64::MAX, -1, true], "real": 0.5 }));
    }

    #[test]
    fn an_answer_says_whose_it_is_beside_what_it_says() {
        let answer = Answer::Data(b"hi".to_vec());
        let told = ServerAnswer {
            peer: "[::1]:9",
            probe: "data",
            answer: &answer,
            took: Duration::from_millis(250),
            asked: 2,
        };
        let wanted = json!({
            "event": "answer", "peer": "[::1]:9", "probe": "data", "seconds": 0.25, "asked": 2, "text": "hi", "hex": "6869",
        });
        assert_eq!(fields(&told), wanted);
    }
}
