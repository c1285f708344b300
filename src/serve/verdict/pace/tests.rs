//! The pace against targets of its own, in a time of its own.

use super::*;
use crate::serve::asker::waits;

/// A host that answers closed ports by ICMP, `burst` at once and then one each `refill`; other ports say nothing.
struct Target {
    closed: fn(u16) -> bool,
    refill: Duration,
    burst: u32,
    way: Duration,
    /// Each n-th message is lost.
    loses: usize,
    /// After so many messages it says nothing any more.
    dies: usize,
}

const LINUX: Target = Target {
    closed: |_| true,
    refill: Duration::from_secs(1),
    burst: 6,
    way: Duration::from_micros(200),
    loses: usize::MAX,
    dies: usize::MAX,
};
const UNLIMITED: Target = Target { refill: Duration::ZERO, ..LINUX };

/// What a run came to: the ports taken for silent, the questions, the time.
struct Run {
    silent: Vec<u16>,
    questions: usize,
    took: Duration,
}

fn play(target: &Target, ports: std::ops::Range<u16>, tries: u32, total: Duration) -> Run {
    play_in(1024, target, ports, tries, total)
}

/// Asks `ports` of `target` in a time of its own, `room` at once.
fn play_in(room: usize, target: &Target, ports: std::ops::Range<u16>, tries: u32, total: Duration) -> Run {
    let start = Instant::now();
    let mut pace = Pace::new(waits(tries, total).collect(), room);
    ports.for_each(|port| pace.add(port));
    let (mut now, mut questions, mut silent) = (start, 0, Vec::new());
    let mut coming: VecDeque<(Instant, u16)> = VecDeque::new();
    // In units of the refill.
    let (mut tokens, mut filled, mut answers) = (f64::from(target.burst), start, 0);
    loop {
        while let Some(&(_, port)) = coming.front().filter(|(at, _)| *at <= now) {
            coming.pop_front();
            pace.answered(port, true, now);
        }
        match pace.next(now) {
            Step::Ask(port) => {
                questions += 1;
                if !target.refill.is_zero() {
                    let refilled = (now - filled).as_secs_f64() / target.refill.as_secs_f64();
                    (tokens, filled) = ((tokens + refilled).min(f64::from(target.burst)), now);
                }
                if (target.closed)(port) && (tokens >= 1.0 || target.refill.is_zero()) {
                    tokens -= 1.0;
                    answers += 1;
                    if answers % target.loses != 0 && answers <= target.dies {
                        coming.push_back((now + target.way, port));
                    }
                }
                now += Duration::from_micros(10);
            }
            Step::Silent(port, _) => silent.push(port),
            Step::Wait(until) => {
                assert!(until > now, "it would spin");
                now = coming.front().map_or(until, |(at, _)| until.min(*at)).max(now);
            }
            Step::Over => return Run { silent, questions, took: now - start },
        }
        assert!(questions < 1_000_000, "it never ends");
    }
}

const WAIT: Duration = Duration::from_secs(7);

#[test]
fn one_silent_port_is_asked_three_times_within_the_limit() {
    let run = play(&Target { closed: |_| false, ..LINUX }, 1..2, 3, WAIT);
    assert_eq!((run.silent, run.questions, run.took), (vec![1], 3, WAIT));
    let run = play(&Target { closed: |_| false, ..LINUX }, 1..2, 3, Duration::ZERO);
    assert_eq!((run.silent.len(), run.took < Duration::from_millis(1)), (1, true));
}

#[test]
fn a_limited_target_is_never_taken_for_a_silent_one() {
    for (name, target) in [
        ("Linux", LINUX),
        ("Linux over IPv6", Target { refill: Duration::from_millis(100), ..LINUX }),
        ("far", Target { way: Duration::from_millis(180), ..LINUX }),
        ("strict", Target { refill: Duration::from_secs(2), burst: 1, ..LINUX }),
        ("generous", Target { refill: Duration::from_millis(5), burst: 200, ..LINUX }),
    ] {
        for (tries, total) in [(3, WAIT), (3, Duration::from_secs(2)), (5, WAIT / 2), (2, WAIT), (1, WAIT)] {
            for room in [1, 64, 1024] {
                let run = play_in(room, &target, 1..61, tries, total);
                let of = format!("{name}, {tries} tries in {total:?}, {room} at once");
                assert!(run.silent.is_empty(), "{of}: {:?}", run.silent);
                // One at a time, what came too soon costs its whole wait.
                let least = target.refill.mul_f64(60.0 - f64::from(target.burst).min(60.0));
                assert!(room == 1 || run.took < least * 2 + WAIT * 2, "{of}: {:?}", run.took);
            }
        }
    }
}

#[test]
fn messages_that_are_lost_cost_time_and_not_the_truth() {
    let run = play(&Target { loses: 11, ..LINUX }, 1..61, 3, WAIT);
    assert!(run.silent.is_empty() && run.took < Duration::from_secs(120), "{:?}, {:?}", run.silent, run.took);
}

#[test]
fn a_witness_that_dies_does_not_hold_up_the_others_for_ever() {
    for limited in [3, 20] {
        let run = play(&Target { dies: limited, ..LINUX }, 1..61, 3, WAIT);
        assert!(run.silent.len() >= 40, "{:?}", run.silent);
        assert!(run.took < Duration::from_secs(400), "{:?}", run.took);
    }
}

#[test]
fn silent_ports_among_closed_ones_are_told_from_the_limit() {
    let mixed = Target { closed: |port| port % 10 != 0, ..LINUX };
    let run = play(&mixed, 1..61, 3, WAIT);
    assert_eq!(run.silent, [10, 20, 30, 40, 50, 60]);
    // Few closed ones among silent ones: nothing needs to be slow.
    let mostly_silent = Target { closed: |port| port % 300 == 0, ..LINUX };
    let run = play(&mostly_silent, 1..1001, 3, WAIT);
    assert_eq!(run.silent.len(), 997);
    assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
}

#[test]
fn a_target_without_a_limit_is_asked_quickly() {
    let run = play(&UNLIMITED, 1..1001, 3, WAIT);
    assert!(run.silent.is_empty() && run.questions == 1000, "{:?}, {}", run.silent, run.questions);
    assert!(run.took < Duration::from_secs(2), "{:?}", run.took);
    let lossy = Target { loses: 50, way: Duration::from_millis(20), ..UNLIMITED };
    let run = play(&lossy, 1..1001, 3, WAIT);
    assert!(run.silent.is_empty() && run.took < Duration::from_secs(20), "{:?}, {:?}", run.silent, run.took);
}

#[test]
fn silent_hosts_are_asked_side_by_side() {
    let run = play(&Target { closed: |_| false, ..LINUX }, 1..1001, 3, WAIT);
    assert_eq!((run.silent.len(), run.questions), (1000, 3000));
    assert!(run.took < Duration::from_secs(10), "{:?}", run.took);
}

#[test]
fn what_is_forgotten_or_answered_is_asked_no_more() {
    let now = Instant::now();
    let mut pace = Pace::new(waits(3, WAIT).collect(), 8);
    for port in [1, 2, 3] {
        pace.add(port);
    }
    assert_eq!(pace.next(now), Step::Ask(1));
    pace.forget(3);
    assert_eq!(pace.next(now), Step::Ask(2));
    assert_eq!(pace.answered(2, false, now), Some(Patience { asked: 1, since: now }));
    assert_eq!(pace.answered(2, false, now), None);
    assert_eq!(pace.next(now), Step::Wait(now + Duration::from_secs(1)));
    assert_eq!((pace.left(), pace.unsettled().count()), (1, 1));
    pace.forget(1);
    assert_eq!(pace.next(now), Step::Over);
}
