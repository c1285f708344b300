//! The way through a proxy, in words and as JSON fields.

use serde_json::{Value, json};

use super::voice::words;
use super::wording::Worded;
use crate::event::proxy::{Proxy, Way};

/// The line for `event`.
pub(super) fn line(event: &Proxy<'_>) -> Worded {
    match event {
        Proxy::Bypassed(target) => (
            "proxy-bypassed",
            format!("{target} is asked without the proxy: it is among the exceptions"),
            json!({ "target": target.to_string() }),
        ),
        Proxy::Forwards(way) => {
            let Way { proxy, named_by, target } = way;
            ("proxy-forwards", format!("the proxy {proxy} ({named_by}) passes on what is for {target}"), fields(way))
        }
        Proxy::Asked(way) => {
            let Way { proxy, named_by, target } = way;
            let text = format!("asking the proxy {proxy} ({named_by}) for a connection to {target}");
            ("proxy-asked", text, fields(way))
        }
        Proxy::Opened(target, took) => (
            "proxy-opened",
            format!("the proxy has connected us to {target} in {}", words(*took)),
            json!({ "target": target.to_string(), "seconds": took.as_secs_f64() }),
        ),
    }
}

fn fields(way: &Way<'_>) -> Value {
    json!({ "proxy": way.proxy.to_string(), "named_by": way.named_by, "target": way.target.to_string() })
}
