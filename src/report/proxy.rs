//! The way through a proxy, in words and as JSON fields.

use serde_json::json;

use super::voice::words;
use super::wording::Worded;
use crate::event::proxy::Proxy;

/// The line for `event`.
pub(super) fn line(event: &Proxy<'_>) -> Worded {
    match event {
        Proxy::Bypassed(target) => (
            "proxy-bypassed",
            format!("{target} is asked without the proxy: it is among the exceptions"),
            json!({ "target": target.to_string() }),
        ),
        Proxy::Forwards(proxy, target) => (
            "proxy-forwards",
            format!("the proxy {proxy} passes on what is for {target}"),
            json!({ "proxy": proxy.to_string(), "target": target.to_string() }),
        ),
        Proxy::Asked(proxy, target) => (
            "proxy-asked",
            format!("asking the proxy {proxy} for a connection to {target}"),
            json!({ "proxy": proxy.to_string(), "target": target.to_string() }),
        ),
        Proxy::Opened(target, took) => (
            "proxy-opened",
            format!("the proxy has connected us to {target} in {}", words(*took)),
            json!({ "target": target.to_string(), "seconds": took.as_secs_f64() }),
        ),
    }
}
