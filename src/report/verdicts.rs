//! Verdicts on UDP ports and the largest datagram of a path, in words and as JSON.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};

use super::checks::PortAnswer;
use super::voice::{Voice, words};
use crate::deadline::Seconds;
use crate::error::{Error, Kind};
use crate::event::verdict::{Icmp, Largest, SizeLimit, Verdict, Why};
use crate::proto::escape;

impl PortAnswer {
    /// What is known of the port `subject`: of one address that answered, or of every address that it has.
    pub fn of_verdicts(subject: &str, verdicts: &[(SocketAddr, Verdict)]) -> Self {
        match verdicts {
            [(peer, verdict)] => Self::of_verdict(subject, &peer.to_string(), verdict),
            several => Self::of_several(subject, several),
        }
    }

    fn of_verdict(subject: &str, peer: &str, verdict: &Verdict) -> Self {
        let at = if peer == subject { String::new() } else { format!(" at {peer}") };
        let mut fields = fields(verdict);
        fields["event"] = json!("check");
        fields["target"] = json!(subject);
        fields["peer"] = json!(peer);
        PortAnswer {
            line: format!("{subject}: {}", sentence(verdict, &at)),
            more: Vec::new(),
            fields,
            kind: verdict.kind(),
        }
    }

    /// Not open anywhere. The kind is the addresses' own where they agree, as with connections.
    fn of_several(subject: &str, verdicts: &[(SocketAddr, Verdict)]) -> Self {
        let all: Vec<_> = verdicts.iter().map(|(peer, v)| format!("{peer}: {}", sentence(v, ""))).collect();
        let first = verdicts.first().map(|(_, v)| v);
        let agree =
            |of: fn(&Verdict) -> &'static str| verdicts.iter().all(|(_, v)| first.is_some_and(|f| of(v) == of(f)));
        let state = first.filter(|_| agree(state)).map_or("not open", state);
        let timed_out = verdicts.iter().all(|(_, v)| v.kind() == Some(Kind::TimedOut));
        let addresses: Vec<_> = verdicts.iter().map(|(peer, v)| with_peer(fields(v), *peer)).collect();
        let fields = json!({ "event": "check", "target": subject, "state": state, "addresses": addresses });
        let kind = Some(if timed_out { Kind::TimedOut } else { Kind::Refused });
        PortAnswer { line: format!("{subject}: {state} ({})", all.join("; ")), more: Vec::new(), fields, kind }
    }
}

fn with_peer(mut fields: Value, peer: SocketAddr) -> Value {
    fields["peer"] = json!(peer.to_string());
    fields
}

fn state(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Open { .. } => "open",
        Verdict::Closed { .. } => "closed",
        Verdict::Filtered { .. } => "filtered",
        Verdict::NoRoute(_) => "no route",
        Verdict::Silent { .. } => "silent",
        Verdict::Undecided(_) => "undecided",
    }
}

fn sentence(verdict: &Verdict, at: &str) -> String {
    match verdict {
        Verdict::Open { size, took, says } => {
            let says = says.as_ref().map(|says| format!(": {says}")).unwrap_or_default();
            format!("open{at}, an answer of {size} bytes in {}{says}", words(*took))
        }
        Verdict::Closed { .. } | Verdict::Filtered { .. } | Verdict::NoRoute(_) | Verdict::Undecided(_) => {
            format!("{}{at} ({})", state(verdict), reason(verdict))
        }
        Verdict::Silent { asked, waited, cut } => {
            format!("open or filtered{at}: nothing came ({})", patience(*asked, *waited, cut.as_ref()))
        }
    }
}

fn reason(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Open { .. } => String::new(),
        Verdict::Closed { from: Some(from) } => format!("port unreachable, from {from}"),
        Verdict::Closed { from: None } => "connection refused".into(),
        Verdict::Filtered { why, from: Some(from) } => format!("{}, from {from}", reasoned(why)),
        Verdict::Filtered { why, from: None } => reasoned(why),
        // Its own kernel has looked for the next hop (ARP, RFC 826; neighbour discovery, RFC 4861) in vain.
        Verdict::NoRoute(why @ Why::Icmp(_)) => format!("{}: no next hop answers, from this host", reasoned(why)),
        Verdict::NoRoute(why) => format!("{}, from this host", reasoned(why)),
        Verdict::Silent { .. } => "nothing came".into(),
        Verdict::Undecided(expired) => format!("{expired} before its turn came"),
    }
}

fn patience(asked: usize, waited: Duration, cut: Option<&crate::deadline::Expired>) -> String {
    let times = if asked == 1 { "once".to_owned() } else { format!("{asked} times") };
    let cut = cut.map(|cut| format!("; {cut}")).unwrap_or_default();
    format!("asked {times} in {}{cut}", Seconds(waited))
}

fn fields(verdict: &Verdict) -> Value {
    let mut fields = json!({ "state": state(verdict) });
    match verdict {
        Verdict::Open { size, took, says } => {
            fields["bytes"] = json!(size);
            fields["seconds"] = json!(took.as_secs_f64());
            if let Some(says) = says {
                fields["answer"] = json!(escape(says.as_bytes()));
            }
            return fields;
        }
        Verdict::Silent { asked, waited, .. } => {
            fields["asked"] = json!(asked);
            fields["seconds"] = json!(waited.as_secs_f64());
        }
        Verdict::Closed { from } | Verdict::Filtered { from, .. } => {
            fields["from"] = json!(from.map(|from| from.to_string()));
        }
        Verdict::NoRoute(_) | Verdict::Undecided(_) => {}
    }
    if let Verdict::Filtered { why: Why::Icmp(icmp), .. } | Verdict::NoRoute(Why::Icmp(icmp)) = verdict {
        fields["icmp"] = json!({ "type": icmp.kind, "code": icmp.code });
    }
    fields["reason"] = json!(reason(verdict));
    fields
}

fn reasoned(why: &Why) -> String {
    match why {
        Why::System(words) => words.clone(),
        Why::Icmp(icmp) => meaning(*icmp),
    }
}

/// What a message says. See RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1; for IPv6 RFC 4443 §3.
fn meaning(icmp: Icmp) -> String {
    let known = match (icmp.v6, icmp.kind, icmp.code) {
        (false, 3, 0) => "net unreachable",
        (false, 3, 1) => "host unreachable",
        (false, 3, 2) => "protocol unreachable",
        (false, 3, 3) | (true, 1, 4) => "port unreachable",
        (false, 3, 5) => "source route failed",
        (false, 3, 6) => "net unknown",
        (false, 3, 7) => "host unknown",
        (false, 3, 8) => "source host isolated",
        (false, 3, 9) => "net administratively prohibited",
        (false, 3, 10) => "host administratively prohibited",
        (false, 3, 11) => "net unreachable for this type of service",
        (false, 3, 12) => "host unreachable for this type of service",
        (false, 3, 13) | (true, 1, 1) => "administratively prohibited",
        (false, 3, 14) => "host precedence violation",
        (false, 3, 15) => "precedence cutoff",
        (false, 11, 0) | (true, 3, 0) => "time to live exceeded on the way",
        (false, 11, 1) | (true, 3, 1) => "fragment reassembly time exceeded",
        (false, 12, _) | (true, 4, _) => "parameter problem",
        (true, 1, 0) => "no route to the destination",
        (true, 1, 2) => "beyond the scope of the source address",
        (true, 1, 3) => "address unreachable",
        (true, 1, 5) => "source address failed the policy",
        (true, 1, 6) => "the route rejects it",
        _ => return format!("ICMP{} type {} code {}", if icmp.v6 { "v6" } else { "" }, icmp.kind, icmp.code),
    };
    known.into()
}

impl Voice {
    /// Tells on standard output how large a datagram may be on the way to `subject`.
    pub fn largest_found(&self, subject: &str, found: &Largest) -> Result<(), Error> {
        let Largest { peer, payload, mtu, limit } = found;
        let at = if peer.to_string() == subject { String::new() } else { format!(" at {peer}") };
        let text = format!("{subject}: {payload} bytes go through whole{at}, MTU {mtu}; {}", limit_sentence(*limit));
        let (name, from, named) = limit_fields(*limit);
        let fields = json!({
            "event": "mtu", "target": subject, "peer": peer.to_string(), "payload": payload, "mtu": mtu,
            "limit": name, "from": from.map(|from| from.to_string()), "named": named,
        });
        self.result(&text, &fields)
    }
}

fn limit_sentence(limit: SizeLimit) -> String {
    match limit {
        SizeLimit::Protocol => "UDP has no larger ones".into(),
        SizeLimit::Interface(None) => "the interface of this host takes no larger ones".into(),
        SizeLimit::Interface(Some(mtu)) => format!("the interface of this host has an MTU of {mtu}"),
        SizeLimit::Router(from, None) => format!("larger ones need fragmentation, says {from}"),
        SizeLimit::Router(from, Some(mtu)) => {
            format!("larger ones need fragmentation, says {from}, which names an MTU of {mtu}")
        }
        SizeLimit::Silence => "larger ones are lost or not answered, and no ICMP says where".into(),
    }
}

fn limit_fields(limit: SizeLimit) -> (&'static str, Option<IpAddr>, Option<u32>) {
    match limit {
        SizeLimit::Protocol => ("protocol", None, None),
        SizeLimit::Interface(mtu) => ("interface", None, mtu),
        SizeLimit::Router(from, mtu) => ("router", Some(from), mtu),
        SizeLimit::Silence => ("silence", None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().expect("an address of this test"), 9)
    }

    fn silent(asked: usize) -> Verdict {
        Verdict::Silent { asked, waited: Duration::from_secs(7), cut: None }
    }

    #[test]
    fn each_verdict_has_its_line_and_its_code() {
        let from = Some(at("10.0.0.2").ip());
        let prohibited = Why::Icmp(Icmp { v6: false, kind: 3, code: 13 });
        let unreachable = Why::Icmp(Icmp { v6: true, kind: 1, code: 3 });
        let odd = Why::Icmp(Icmp { v6: true, kind: 1, code: 99 });
        let cases = [
            (
                Verdict::Open { size: 12, took: Duration::from_millis(2), says: None },
                "open, an answer of 12 bytes in 2.0 ms",
                None,
            ),
            (Verdict::Closed { from }, "closed (port unreachable, from 10.0.0.2)", Some(Kind::Refused)),
            (Verdict::Closed { from: None }, "closed (connection refused)", Some(Kind::Refused)),
            (
                Verdict::Filtered { why: prohibited, from },
                "filtered (administratively prohibited, from 10.0.0.2)",
                Some(Kind::Refused),
            ),
            (Verdict::Filtered { why: odd, from: None }, "filtered (ICMPv6 type 1 code 99)", Some(Kind::Refused)),
            (
                Verdict::NoRoute(unreachable),
                "no route (address unreachable: no next hop answers, from this host)",
                Some(Kind::Refused),
            ),
            (silent(3), "open or filtered: nothing came (asked 3 times in 7 s)", Some(Kind::TimedOut)),
            (silent(1), "open or filtered: nothing came (asked once in 7 s)", Some(Kind::TimedOut)),
        ];
        for (verdict, line, kind) in cases {
            let answer = PortAnswer::of_verdicts("10.0.0.2:9", &[(at("10.0.0.2"), verdict)]);
            assert_eq!((answer.line.as_str(), answer.kind), (format!("10.0.0.2:9: {line}").as_str(), kind));
            assert_eq!(answer.fields["target"], "10.0.0.2:9");
        }
    }

    #[test]
    fn several_addresses_are_all_told_and_share_a_state_only_if_they_agree() {
        let closed = |ip: &str| (at(ip), Verdict::Closed { from: Some(at(ip).ip()) });
        let both = PortAnswer::of_verdicts("h:9", &[closed("::1"), closed("127.0.0.1")]);
        let line = "h:9: closed ([::1]:9: closed (port unreachable, from ::1); 127.0.0.1:9: closed (port unreachable, from 127.0.0.1))";
        assert_eq!((both.line.as_str(), both.kind), (line, Some(Kind::Refused)));
        let mixed = PortAnswer::of_verdicts("h:9", &[closed("::1"), (at("127.0.0.1"), silent(3))]);
        assert_eq!((mixed.fields["state"].as_str(), mixed.kind), (Some("not open"), Some(Kind::Refused)));
        let silent = PortAnswer::of_verdicts("h:9", &[(at("::1"), silent(3)), (at("127.0.0.1"), silent(3))]);
        assert_eq!((silent.fields["state"].as_str(), silent.kind), (Some("silent"), Some(Kind::TimedOut)));
        let open = Verdict::Open { size: 1, took: Duration::from_micros(5), says: Some("hi".into()) };
        let open = PortAnswer::of_verdicts("h:9", &[(at("::1"), open)]);
        assert_eq!(open.line, "h:9: open at [::1]:9, an answer of 1 bytes in 5 µs: hi");
    }
}
