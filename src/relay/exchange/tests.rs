//! Exchanges between scripts: cut anywhere, slow anywhere. Owns no behaviour.

use super::*;
use crate::event::Tell;
use crate::stream::Stream;
use crate::stream::scripted::{Read, Scripted, Write};
use crate::sys::signals::Signals;

struct Silent;

impl Tell for Silent {
    fn tell(&self, _: &Event<'_>) {}
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/// What an exchange came to.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    outcome: Result<(), Kind>,
    /// What the peer got.
    sent: Vec<u8>,
    /// What the output got.
    delivered: Vec<u8>,
    /// Whether the connection can be used again.
    keep: bool,
    /// What is left over in its buffer.
    left_over: Vec<u8>,
}

impl Came {
    fn of(outcome: Result<(), Kind>, sent: &[u8], delivered: &[u8]) -> Self {
        let (sent, delivered) = (sent.to_vec(), delivered.to_vec());
        Came { outcome, sent, delivered, keep: false, left_over: Vec::new() }
    }
}

/// An exchange with a scripted peer and output; `source` gives the body of the request, of this length.
fn play_with(remote: Scripted, local: Scripted, source: Option<(Scripted, Option<u64>)>, skip: bool) -> Came {
    let signals = Signals::install().expect("handlers can be installed");
    let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
    let mut connection = Connection::new(Stream::Scripted(remote));
    let mut output = Delivery::new(&ctx, Stream::Scripted(local), None);
    let mut source = source.map(|(script, length)| (Stream::Scripted(script), length));
    let body = source.as_mut().map_or(Body::None, |(stream, length)| Body::Stream(stream, *length));
    let terms = Terms { method: Method::Get, keep: true, idle: None, begun: Instant::now() };
    let outgoing = Outgoing::new(REQUEST.to_vec(), body);
    let mut exchange = Exchange::new(&ctx, &mut connection, outgoing, terms);
    let outcome = exchange.head(&output).and_then(|_| {
        if skip {
            exchange.skip(&output);
            return Ok(());
        }
        exchange.body(Taking::to(&mut output, &|_| {}))
    });
    let keep = exchange.end().keep;
    let left_over = connection.buffer.data().to_vec();
    let (Stream::Scripted(remote), Stream::Scripted(local)) = (connection.remote, output.local) else {
        unreachable!("made above")
    };
    let outcome = outcome.map_err(|error| error.kind);
    Came { outcome, sent: remote.taken, delivered: local.taken, keep, left_over }
}

fn play(remote: Scripted, local: Scripted) -> Came {
    play_with(remote, local, None, false)
}

fn bytes(text: &str) -> Read {
    Read::Bytes(text.as_bytes().to_vec())
}

#[test]
fn every_cut_of_the_response_and_slow_ends_give_the_same() {
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    for cut in 0..reply.len() {
        let (first, second) = reply.split_at(cut);
        let reads = [first, second].into_iter().filter(|part| !part.is_empty()).map(bytes);
        let while_sending = std::iter::repeat_n(Read::Block, 5);
        let remote = Scripted::giving(while_sending.chain(reads.flat_map(|read| [Read::Block, read])));
        let remote = remote.taking([Write::Take(1), Write::Block, Write::Take(5)]);
        let slow = Scripted::default().taking([Write::Block, Write::Take(1), Write::Block]);
        let wanted = Came { keep: true, ..Came::of(Ok(()), REQUEST, b"abcdefg") };
        assert_eq!(play(remote, slow), wanted, "cut at {cut}");
    }
}

#[test]
fn what_follows_a_response_stays_in_the_buffer_at_every_cut() {
    let reply = "HTTP/1.1 103 -\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    for cut in 0..=reply.len() {
        let whole = format!("{reply}HTTP/1.1 200 OK\r\n");
        let (first, second) = whole.split_at(cut);
        let reads = [first, second].into_iter().filter(|part| !part.is_empty()).map(bytes);
        let came = play(Scripted::giving([Read::Block].into_iter().chain(reads)), Scripted::default());
        assert_eq!((&came.outcome, &came.delivered[..], came.keep), (&Ok(()), &b"abc"[..], true), "cut at {cut}");
        // What is not read yet is found by the next look at the connection.
        let unread = if cut < reply.len() { &b"HTTP/1.1 200 OK\r\n"[..] } else { b"" };
        assert_eq!(came.left_over, unread, "cut at {cut}");
    }
}

#[test]
fn small_chunks_leave_together_and_nothing_is_held_back_in_a_pause() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let many = format!("{head}{}", "2\r\nab\r\n".repeat(5000));
    let remote = Scripted::giving([bytes(&many), Read::Block, bytes("1\r\nc\r\n0\r\n\r\n")]);
    // The first write takes all that there is, the second one fails: it is the one after the pause.
    let taking = [Write::Take(usize::MAX), Write::Fail(std::io::ErrorKind::StorageFull)];
    let came = play(remote, Scripted::default().taking(taking));
    assert_eq!(came.delivered, "ab".repeat(5000).as_bytes());
    assert!(came.outcome.is_err());
    // What came before an error is handed over.
    let broken = format!("{head}2\r\nab\r\nnonsense");
    let came = play(Scripted::giving([bytes(&broken)]), Scripted::default());
    assert_eq!((came.outcome, &came.delivered[..]), (Err(Kind::Malformed), &b"ab"[..]));
}

#[test]
fn who_may_be_asked_again() {
    let table = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true),
        ("HTTP/1.1 204 -\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", false),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab", true),
        ("HTTP/1.1 200 OK\r\n\r\nab", false),
    ];
    for (reply, keep) in table {
        let came = play(Scripted::giving([bytes(reply)]), Scripted::default());
        assert_eq!((came.outcome, came.keep), (Ok(()), keep), "{reply}");
    }
}

#[test]
fn a_body_that_nobody_wants_is_read_if_it_is_short() {
    let skipped = |reply: &str| play_with(Scripted::giving([bytes(reply)]), Scripted::default(), None, true);
    let chunked = |size: usize| {
        let data = "x".repeat(size);
        format!("HTTP/1.1 302 -\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{data}\r\n0\r\n\r\n")
    };
    let table = [
        ("HTTP/1.1 302 -\r\nContent-Length: 2\r\n\r\nab".to_owned(), true),
        ("HTTP/1.1 302 -\r\nContent-Length: 0\r\n\r\n".to_owned(), true),
        (format!("HTTP/1.1 302 -\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70000)), false),
        (chunked(60000), true),
        (chunked(70000), false),
        ("HTTP/1.1 302 -\r\n\r\nab".to_owned(), false),
        ("HTTP/1.1 302 -\r\nContent-Length: 5\r\n\r\nab".to_owned(), false),
        ("HTTP/1.1 302 -\r\nTransfer-Encoding: chunked\r\n\r\nnonsense".to_owned(), false),
    ];
    for (reply, keep) in table {
        let came = skipped(&reply);
        assert_eq!((came.outcome, came.delivered, came.keep), (Ok(()), vec![], keep), "{reply:.80}");
    }
}

#[test]
fn a_server_may_answer_before_it_has_read_the_request() {
    let reply = bytes("HTTP/1.1 431 Too Large\r\nContent-Length: 0\r\n\r\n");
    let remote = Scripted::giving([reply]).taking([Write::Take(3), Write::Block]);
    assert_eq!(play(remote, Scripted::default()), Came::of(Ok(()), &REQUEST[..3], b""));
}

#[test]
fn a_body_goes_out_beside_the_answer() {
    let sent = |body: &str| [REQUEST, body.as_bytes()].concat();
    let source = || Scripted::giving([bytes("abc"), Read::Block, Read::Block, bytes("de")]);
    // One that waits for the whole request, and one that refuses it at the first sight.
    let waits = std::iter::repeat_n(Read::Block, 3).chain([bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]);
    let came = play_with(Scripted::giving(waits), Scripted::default(), Some((source(), Some(5))), false);
    assert_eq!(came, Came { keep: true, ..Came::of(Ok(()), &sent("abcde"), b"ok") });
    let refuses = Scripted::giving([bytes("HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno")]);
    let came = play_with(refuses, Scripted::default(), Some((source(), None)), false);
    assert_eq!(came, Came::of(Ok(()), &sent("3\r\nabc\r\n"), b"no"));
    // One that answers well keeps getting the body while its own comes.
    let echoes = [bytes("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), Read::Block, Read::Block, bytes("cd")];
    let came = play_with(Scripted::giving(echoes), Scripted::default(), Some((source(), Some(5))), false);
    assert_eq!(came, Came { keep: true, ..Came::of(Ok(()), &sent("abcde"), b"abcd") });
}

#[test]
fn an_end_after_a_failed_send_is_that_reset_unless_the_response_is_whole() {
    let gone = [Write::Fail(std::io::ErrorKind::ConnectionReset)];
    let cut = Scripted::giving([bytes("HTTP/1.1 200 OK\r\n\r\nhal")]).taking(gone);
    assert_eq!(play(cut, Scripted::default()), Came::of(Err(Kind::Reset), b"", b"hal"));
    let whole = bytes("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(play(Scripted::giving([whole]).taking(gone), Scripted::default()).outcome, Ok(()));
}

#[test]
fn an_onlooker_sees_the_final_head_and_the_framing_at_every_cut() {
    let interim = "HTTP/1.1 103 -\r\n\r\n";
    let chunked = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "3;x\r\nabc\r\n0\r\n\r\n");
    let refused = ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "");
    for (head, body) in [chunked, refused] {
        let reply = format!("{interim}{head}{body}");
        for cut in 1..reply.len() {
            let (first, second) = reply.split_at(cut);
            let glimpse = glimpse_of(Scripted::giving([bytes(first), Read::Block, bytes(second)]));
            // Behind a head that is refused nobody knows what is body.
            assert_eq!(String::from_utf8_lossy(&glimpse.head), head, "cut at {cut}");
            assert_eq!(glimpse.chunks.map(|watch| watch.findings().len()), (!body.is_empty()).then_some(1), "{cut}");
            assert_eq!(glimpse.received, if body.is_empty() { 0 } else { 3 });
        }
    }
    let cut = glimpse_of(Scripted::giving([bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")]));
    assert_eq!((cut.end, cut.received), (BodyEnd::Cut, 3));
    let surplus = glimpse_of(Scripted::giving([bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nabc")]));
    assert_eq!((surplus.end, surplus.surplus), (BodyEnd::Framed, 3));
}

/// What an onlooker gets of the exchange with this peer.
fn glimpse_of(remote: Scripted) -> Glimpse {
    let signals = Signals::install().expect("handlers can be installed");
    let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
    let mut connection = Connection::new(Stream::Scripted(remote));
    let mut output = Delivery::new(&ctx, Stream::Scripted(Scripted::default()), None);
    let terms = Terms { method: Method::Get, keep: true, idle: None, begun: Instant::now() };
    let seen = std::cell::RefCell::new(None);
    let onlooker: Onlooker<'_> = Box::new(|glimpse| *seen.borrow_mut() = Some(glimpse.clone()));
    let outgoing = Outgoing::new(REQUEST.to_vec(), Body::None);
    let mut exchange = Exchange::new(&ctx, &mut connection, outgoing, terms).seen_by(Some(onlooker));
    let outcome = exchange.head(&output).and_then(|_| exchange.body(Taking::to(&mut output, &|_| {})));
    if outcome.is_ok() {
        exchange.end();
    } else {
        drop(exchange);
    }
    seen.take().expect("it is told however it ends")
}
