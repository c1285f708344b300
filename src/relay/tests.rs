//! The relay between scripted ends: no socket, no clock, every schedule of short reads, blocks and ends.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::deadline::{Deadline, Limit};
use crate::error::Kind;
use crate::event::{Event, Observe, Side, Tell};
use crate::stream::scripted::{Read, Scripted, Write};
use crate::sys::signals::Signals;

struct Silent;

impl Tell for Silent {
    fn tell(&self, _: &Event<'_>) {}
}

/// What a session made of two scripts.
struct Played {
    transfer: Transfer,
    local: Scripted,
    remote: Scripted,
}

fn play(local: Scripted, remote: Scripted, policy: &Policy) -> Played {
    play_tapped(local, remote, policy, &Taps::default())
}

fn play_tapped(local: Scripted, remote: Scripted, policy: &Policy, taps: &Taps<'_>) -> Played {
    let signals = Signals::install().expect("handlers can be installed");
    let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
    let mut local = Stream::Scripted(local);
    let mut remote = Stream::Scripted(remote);
    let transfer = duplex(&ctx, &mut local, &mut remote, policy, taps);
    let (Stream::Scripted(local), Stream::Scripted(remote)) = (local, remote) else { unreachable!("made above") };
    Played { transfer, local, remote }
}

fn bytes(text: &str) -> Read {
    Read::Bytes(text.as_bytes().to_vec())
}

#[test]
fn both_directions_arrive_whole_and_are_ended() {
    let local = Scripted::giving([bytes("to the "), Read::Block, bytes("peer")]);
    let remote = Scripted::giving([Read::Block, Read::Block, bytes("answer")]).taking([Write::Take(1), Write::Block]);
    let played = play(local, remote, &Policy::default());
    assert!(played.transfer.outcome.is_ok());
    assert_eq!(played.remote.taken, b"to the peer");
    assert_eq!(played.local.taken, b"answer");
    assert!(played.remote.closed && played.local.closed);
    assert_eq!((played.transfer.account.sent, played.transfer.account.received), (11, 6));
}

#[test]
fn the_answer_long_after_our_end_is_waited_for() {
    let remote = Scripted::giving(std::iter::repeat_n(Read::Block, 500).chain([bytes("late")]));
    let played = play(Scripted::giving([bytes("ask")]), remote, &Policy::default());
    assert_eq!(played.local.taken, b"late");
}

#[test]
fn the_peers_end_does_not_stop_our_bytes() {
    let local = Scripted::giving([Read::Block, Read::Block, Read::Block, bytes("still here")]);
    let played = play(local, Scripted::giving([bytes("bye")]), &Policy::default());
    assert_eq!(played.remote.taken, b"still here");
    assert!(played.transfer.outcome.is_ok());
}

#[test]
fn ending_on_the_peer_sends_what_was_read_and_reads_no_more() {
    let local = Scripted::giving([
        bytes("typed"),
        Read::Block,
        Read::Block,
        Read::Block,
        Read::Block,
        Read::Block,
        bytes("never"),
    ]);
    let remote = Scripted::giving([bytes("bye")]).taking([Write::Block]);
    let played = play(local, remote, &Policy { end_on: EndOn::Peer, ..Policy::default() });
    assert_eq!(played.remote.taken, b"typed");
    assert!(played.remote.closed);
}

#[test]
fn without_half_close_our_end_waits_for_the_peers() {
    let remote = Scripted::giving([Read::Block, Read::Block, bytes("first")]);
    let policy = Policy { half_close: false, ..Policy::default() };
    let played = play(Scripted::giving([bytes("x")]), remote, &policy);
    assert!(played.remote.closed && played.transfer.outcome.is_ok());
    assert_eq!(played.local.taken, b"first");
}

#[test]
fn a_reset_keeps_what_came_before_it() {
    let remote = Scripted::giving([bytes("kept"), Read::Fail(ErrorKind::ConnectionReset)]);
    let local = Scripted::giving(std::iter::repeat_n(Read::Block, 100)).taking([Write::Block, Write::Take(2)]);
    let played = play(local, remote, &Policy::default());
    assert_eq!(played.local.taken, b"kept");
    assert!(played.transfer.outcome.is_err());
}

#[test]
fn a_local_read_that_fails_ends_the_session_with_26() {
    let local = Scripted::giving([bytes("half"), Read::Fail(ErrorKind::InvalidData)]);
    let played = play(local, Scripted::giving(std::iter::repeat_n(Read::Block, 100)), &Policy::default());
    assert_eq!(played.transfer.outcome.map_err(|e| e.kind), Err(Kind::ReadLocal));
    assert!(!played.remote.closed, "a broken upload must not look whole");
}

#[test]
fn whoever_ends_first_is_in_the_account() {
    let waiting = || std::iter::repeat_n(Read::Block, 50);
    let ended = || Scripted::giving([bytes("x")]);
    let late = || Scripted::giving(waiting().chain([bytes("x")]));
    let reset = Scripted::giving([bytes("x"), Read::Fail(ErrorKind::ConnectionReset)]);
    let broken = Scripted::giving([bytes("x"), Read::Fail(ErrorKind::InvalidData)]);
    for (local, remote, first) in [
        (ended(), late(), Side::Local),
        (late(), ended(), Side::Peer),
        (late(), reset, Side::Peer),
        (broken, late(), Side::Local),
    ] {
        let account = play(local, remote, &Policy::default()).transfer.account;
        assert_eq!(account.closed_first, Some(first));
        assert!(account.phases.close.is_some_and(|close| close == account.took));
    }
}

#[test]
fn the_first_and_the_last_byte_are_the_peers() {
    let remote = Scripted::giving([bytes("a"), Read::Block, Read::Block, bytes("b")]);
    let phases = play(Scripted::default(), remote, &Policy::default()).transfer.account.phases;
    assert!(phases.first_byte.is_some() && phases.first_byte < phases.last_byte, "{phases:?}");
    let silent = play(Scripted::giving([bytes("ours")]), Scripted::default(), &Policy::default());
    assert_eq!(silent.transfer.account.phases.first_byte, None);
}

#[test]
fn line_ends_are_translated_once_however_reads_fall() {
    for cut in 0..=12 {
        let text = b"a\nb\r\nc\n\n\r\rd\n";
        let (head, tail) = text.split_at(cut);
        let local = Scripted::giving([Read::Bytes(head.to_vec()), Read::Block, Read::Bytes(tail.to_vec())]);
        let local = if head.is_empty() { Scripted::giving([Read::Bytes(tail.to_vec())]) } else { local };
        let played = play(local, Scripted::default(), &Policy { crlf: true, ..Policy::default() });
        assert_eq!(played.remote.taken, b"a\r\nb\r\nc\r\n\r\n\r\rd\r\n", "cut at {cut}");
    }
}

/// Keeps what it saw; fails once it has seen so many bytes.
#[derive(Default)]
struct Watcher {
    seen: Rc<RefCell<(Vec<u8>, Vec<u8>)>>,
    fails_after: Option<usize>,
}

impl Observe for Watcher {
    fn saw(&self, from: Side, bytes: &[u8]) -> Result<(), Error> {
        let mut seen = self.seen.borrow_mut();
        let mine = if from == Side::Local { &mut seen.0 } else { &mut seen.1 };
        mine.extend_from_slice(bytes);
        let full = self.fails_after.is_some_and(|most| seen.0.len() + seen.1.len() > most);
        if full { Err(Error::new(Kind::WriteLocal, "write", "the log", "no space left")) } else { Ok(()) }
    }

    fn ended(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn an_observer_sees_what_was_taken_and_nothing_else() {
    let watcher = Watcher::default();
    let seen = Rc::clone(&watcher.seen);
    let local = Scripted::giving([bytes("a\nb")]).taking([Write::Take(1), Write::Block, Write::Take(2)]);
    let remote = Scripted::giving([bytes("answer"), Read::Fail(ErrorKind::ConnectionReset)]).taking([Write::Take(1)]);
    let policy = Policy { crlf: true, ..Policy::default() };
    let taps = Taps { observers: vec![Box::new(watcher)], ..Taps::default() };
    let played = play_tapped(local, remote, &policy, &taps);
    assert_eq!(played.transfer.outcome.map_err(|e| e.kind), Err(Kind::Reset));
    assert_eq!(*seen.borrow(), (played.remote.taken, played.local.taken));
    assert_eq!(*seen.borrow().1, *b"answer");
}

#[test]
fn an_observer_that_fails_ends_the_session_and_the_bytes_are_kept() {
    let taps = || Taps {
        observers: vec![Box::new(Watcher { fails_after: Some(3), ..Watcher::default() })],
        ..Taps::default()
    };
    // The output is slow, so that more has been read than seen when the log is full.
    let local = Scripted::giving(std::iter::repeat_n(Read::Block, 100)).taking([Write::Take(4), Write::Block]);
    let played = play_tapped(local, Scripted::giving([bytes("received")]), &Policy::default(), &taps());
    assert_eq!(played.transfer.outcome.map_err(|e| (e.kind, e.subject)), Err((Kind::WriteLocal, "the log".into())));
    assert_eq!(played.local.taken, b"received");
    let local = Scripted::giving([bytes("sent"), Read::Block, bytes("never")]);
    let remote = Scripted::giving(std::iter::repeat_n(Read::Block, 100));
    let played = play_tapped(local, remote, &Policy::default(), &taps());
    assert_eq!(played.transfer.outcome.map_err(|e| e.kind), Err(Kind::WriteLocal));
    assert!(!played.remote.closed, "a broken upload must not look whole");
}

/// A peer that would go on for ever, and a local input that never ends.
fn endless(pieces: impl IntoIterator<Item = &'static str>) -> (Scripted, Scripted) {
    let local = Scripted::giving([bytes("ask")].into_iter().chain(std::iter::repeat_n(Read::Block, 10_000)));
    let told = pieces.into_iter().flat_map(|piece| [Read::Block, bytes(piece)]);
    (local, Scripted::giving(told.chain(std::iter::repeat_n(Read::Block, 10_000))))
}

#[test]
fn a_match_ends_the_session_with_what_was_read_with_it() {
    let text = "220-hello\r\n220 ready\r\n";
    for cut in 1..text.len() {
        let (head, tail) = text.split_at(cut);
        let (local, remote) = endless([head, tail, "never read"]);
        let taps = Taps { until_match: Some(b"\n220 ".to_vec()), ..Taps::default() };
        let local = local.taking([Write::Take(1), Write::Block]);
        let played = play_tapped(local, remote, &Policy::default(), &taps);
        assert!(played.transfer.outcome.is_ok(), "{:?}", played.transfer.outcome);
        let wanted = if head.contains("\n220 ") { head } else { text };
        assert_eq!(String::from_utf8_lossy(&played.local.taken), wanted, "cut at {cut}");
        assert_eq!((played.remote.taken, played.remote.closed), (b"ask".to_vec(), true));
    }
}

#[test]
fn a_session_without_the_match_has_failed() {
    let taps = Taps { until_match: Some(b"ready".to_vec()), ..Taps::default() };
    let played = play_tapped(Scripted::default(), Scripted::giving([bytes("not read y")]), &Policy::default(), &taps);
    assert_eq!(played.transfer.outcome.map_err(|e| (e.kind, e.subject)), Err((Kind::Verdict, "\"ready\"".into())));
    assert_eq!(played.local.taken, b"not read y");
}

#[test]
fn max_bytes_delivers_exactly_that_many() {
    let text = "0123456789";
    for most in 0..=12 {
        let (local, mut remote) = endless(["0123", "4", "56789"]);
        if most > text.len() {
            remote.reads.retain(|read| matches!(read, Read::Bytes(_)));
        }
        let taps = Taps { max_bytes: Some(most as u64), ..Taps::default() };
        let local = if most > text.len() { Scripted::default() } else { local.taking([Write::Take(1), Write::Block]) };
        let played = play_tapped(local, remote, &Policy::default(), &taps);
        assert!(played.transfer.outcome.is_ok(), "{:?}", played.transfer.outcome);
        assert_eq!(played.local.taken, text.as_bytes()[..most.min(text.len())], "{most}");
        assert!(played.local.closed && played.remote.closed);
    }
}

#[test]
fn a_rate_holds_back_and_loses_nothing() {
    let taps = Taps { rate: NonZeroU64::new(1000), ..Taps::default() };
    let (out, back) = ("o".repeat(300), "i".repeat(200));
    let start = Instant::now();
    // An idle limit shorter than the pauses between two pieces does not count them.
    let idle = Some(Bound { length: Duration::from_millis(1), limit: Limit::Idle });
    let policy = Policy { idle, ..Policy::default() };
    let played = play_tapped(Scripted::giving([bytes(&out)]), Scripted::giving([bytes(&back)]), &policy, &taps);
    assert!(played.transfer.outcome.is_ok(), "{:?}", played.transfer.outcome);
    assert_eq!((played.remote.taken, played.local.taken), (out.into_bytes(), back.into_bytes()));
    assert!(start.elapsed() >= Duration::from_millis(190), "300 bytes, 100 of them at once: {:?}", start.elapsed());
}

#[test]
fn an_end_that_is_always_ready_is_not_idle() {
    let idle = Some(Bound { length: Duration::ZERO, limit: Limit::Idle });
    let local = Scripted::giving([Read::Block, bytes("ours")]);
    let remote = Scripted::giving([Read::Block, Read::Block, bytes("theirs")]).taking([Write::Block]);
    let played = play(local, remote, &Policy { idle, ..Policy::default() });
    assert!(played.transfer.outcome.is_ok(), "{:?}", played.transfer.outcome);
    assert_eq!((played.remote.taken, played.local.taken), (b"ours".to_vec(), b"theirs".to_vec()));
}

#[test]
fn what_was_expected_is_judged_once_the_session_is_over() {
    let judged = |taps: &Taps<'_>| {
        let played = play_tapped(Scripted::default(), Scripted::giving([bytes("abc")]), &Policy::default(), taps);
        assert_eq!(played.local.taken, b"abc");
        played.transfer.outcome.map_err(|e| e.kind)
    };
    // SHA-256 of "abc", FIPS 180-4.
    let mut hash = [0; 32];
    let words =
        [0xba78_16bf_u32, 0x8f01_cfea, 0x4141_40de, 0x5dae_2223, 0xb003_61a3, 0x9617_7a9c, 0xb410_ff61, 0xf200_15ad];
    words.iter().zip(hash.chunks_mut(4)).for_each(|(word, bytes)| bytes.copy_from_slice(&word.to_be_bytes()));
    let size = |size| Taps { expect_size: Some(size), expect_sha256: Some(hash), ..Taps::default() };
    assert_eq!(judged(&size(3)), Ok(()));
    assert_eq!((judged(&size(4)), judged(&size(2))), (Err(Kind::Short), Err(Kind::Verdict)));
    assert_eq!(judged(&Taps { expect_sha256: Some([0; 32]), ..Taps::default() }), Err(Kind::Verdict));
}

fn read() -> impl Strategy<Value = Read> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..2000).prop_map(Read::Bytes),
        Just(Read::Block),
        Just(Read::Fail(ErrorKind::Interrupted)),
    ]
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![(1usize..3000).prop_map(Write::Take), Just(Write::Block), Just(Write::Fail(ErrorKind::Interrupted))]
}

fn given(script: &[Read]) -> Vec<u8> {
    let bytes = |read: &Read| if let Read::Bytes(bytes) = read { bytes.clone() } else { Vec::new() };
    script.iter().flat_map(bytes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_schedule_delivers_everything(
        out in prop::collection::vec(read(), 0..20),
        back in prop::collection::vec(read(), 0..20),
        takes in prop::collection::vec(write(), 0..40),
        gives in prop::collection::vec(write(), 0..40),
    ) {
        let (sent, received) = (given(&out), given(&back));
        let played = play(Scripted::giving(out).taking(gives), Scripted::giving(back).taking(takes), &Policy::default());
        prop_assert!(played.transfer.outcome.is_ok());
        prop_assert_eq!(played.remote.taken, sent);
        prop_assert_eq!(played.local.taken, received);
        prop_assert!(played.remote.closed && played.local.closed);
    }

    #[test]
    fn a_failure_anywhere_leaves_a_prefix_and_is_said(
        out in prop::collection::vec(read(), 0..10),
        back in prop::collection::vec(read(), 0..10),
        takes in prop::collection::vec(write(), 0..10),
    ) {
        let (sent, received) = (given(&out), given(&back));
        let failing = back.into_iter().chain([Read::Fail(ErrorKind::ConnectionReset)]);
        let played = play(Scripted::giving(out), Scripted::giving(failing).taking(takes), &Policy::default());
        prop_assert!(played.transfer.outcome.is_err());
        prop_assert!(sent.starts_with(&played.remote.taken));
        prop_assert_eq!(played.local.taken, received);
    }
}
