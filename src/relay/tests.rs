//! The relay between scripted ends: no socket, no clock, every schedule of short reads, blocks and ends.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::*;
use crate::deadline::Deadline;
use crate::error::Kind;
use crate::event::{Event, Side, Tell};
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
    let signals = Signals::install().expect("handlers can be installed");
    let ctx = Context { tell: &Silent, signals: &signals, deadline: Deadline::NEVER };
    let mut local = Stream::Scripted(local);
    let mut remote = Stream::Scripted(remote);
    let transfer = duplex(&ctx, &mut local, &mut remote, policy);
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
