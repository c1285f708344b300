//! Sessions and datagrams against scripted clients and a clock that only the script moves.

use std::ops::RangeInclusive;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::dialogue::{Part, Template};
use super::faults::{After, Ending, Percent};
use super::*;

const MS: Duration = Duration::from_millis(1);

/// What a client does when it is the client's turn.
#[derive(Clone, Copy, Debug)]
enum Client<'c> {
    Says(&'c [u8]),
    Ends,
}

use Client::{Ends, Says};

/// Plays a session to its end, or until the client does nothing any more. Gives what the server did: each write as
/// its text, each pause as `(1s)`, each message that is to be printed as `[message]`, its end as `(close)`.
fn play(partner: &Partner, number: u64, client: &[Client<'_>]) -> Vec<String> {
    play_slowly(partner, number, client, usize::MAX)
}

/// The same with a client whose kernel takes only so many bytes at a time. What was cut by that alone is put together
/// again: a write is what [`Step::Say`] showed at first.
fn play_slowly(partner: &Partner, number: u64, client: &[Client<'_>], at_once: usize) -> Vec<String> {
    let mut session = partner.session(number);
    let mut client = client.iter();
    let (mut now, mut did, mut left) = (Instant::now(), Vec::new(), 0);
    loop {
        // A message counts as heard before it is answered.
        session.step(now);
        let messages = std::iter::from_fn(|| session.next_message());
        did.extend(messages.map(|message| format!("[{}]", message.escape_ascii())));
        match session.step(now) {
            Step::Say(text) => {
                assert!(!text.is_empty() && (left == 0 || left == text.len()), "{text:?} after {did:?}");
                if left == 0 {
                    did.push(text.escape_ascii().to_string());
                }
                let taken = text.len().min(at_once);
                left = text.len() - taken;
                session.said(taken);
            }
            Step::Pause(until) => {
                assert!(until > now);
                did.push(format!("({:?})", until - now));
                now = until;
            }
            Step::Listen => {
                assert!(session.wants_input());
                match client.next() {
                    Some(Says(bytes)) => session.hear(bytes, now),
                    Some(Ends) => session.ended(now),
                    None => return did,
                }
            }
            end @ (Step::Close | Step::Reset | Step::Stall) => {
                did.push(format!("({end:?})").to_lowercase());
                assert!(!session.wants_input());
                return did;
            }
        }
    }
}

/// Everything that was said, put together.
fn said(did: &[String]) -> String {
    did.iter().filter(|what| !what.starts_with(['(', '['])).map(String::as_str).collect()
}

fn template(before: &str, after: &str) -> Template {
    Template::new(vec![Part::Text(before.into()), Part::Message, Part::Text(after.into())])
}

fn fixed(text: &str) -> Template {
    Template::new(vec![Part::Text(text.into())])
}

fn with(faults: Faults) -> Partner {
    Partner { faults, ..Partner::default() }
}

fn percent(percent: u64) -> Percent {
    Percent::of(percent).expect("the tests use chances")
}

/// Dialogue a: greets, answers after a second, and closes on `exit` or at the end.
fn greeter() -> Partner {
    let dialogue = Dialogue {
        greeting: b"Welcome!".to_vec(),
        reply: Some(template("Hello, ", "!")),
        exit_words: vec![b"exit".to_vec()],
        ..Dialogue::default()
    };
    let delay = Some(Duration::from_secs(1)..=Duration::from_secs(1));
    Partner { dialogue, faults: Faults { delay, ..Faults::default() }, ..Partner::default() }
}

/// Dialogue c: one message, printed and answered.
fn printer() -> Partner {
    let dialogue = Dialogue { reply: Some(fixed("Hello world!")), max_messages: Some(1), ..Dialogue::default() };
    Partner { dialogue, print: true, ..Partner::default() }
}

/// Dialogue d: asks for a name before every message.
fn asker() -> Partner {
    let dialogue = Dialogue {
        greeting: b"Server: Welcome!\n".to_vec(),
        prompt: b"Server: What's your name?".to_vec(),
        reply: Some(template("Server: Hello ", "!\n")),
        farewell: b"Server: Good bye!\n".to_vec(),
        exit_words: vec![b"exit".to_vec(), b"quit".to_vec()],
        ..Dialogue::default()
    };
    Partner { dialogue, ..Partner::default() }
}

/// Dialogue e: speaks first, reads once, and closes.
fn speaker() -> Partner {
    let dialogue = Dialogue {
        greeting: b"hello".to_vec(),
        reply: Some(Template::default()),
        max_messages: Some(1),
        ..Dialogue::default()
    };
    Partner { dialogue, ..Partner::default() }
}

#[test]
fn the_dialogues_of_a_socket_course() {
    let (welcome, ask, bye) = (r"Server: Welcome!\n", r"Server: What\'s your name?", r"Server: Good bye!\n");
    let table: [(Partner, &[Client<'_>], &[&str]); 10] = [
        (
            greeter(),
            &[Says(b"Michael"), Says(b"Tracy\n"), Says(b"exit")],
            &["Welcome!", "(1s)", "Hello, Michael!", "(1s)", "Hello, Tracy!", "(close)"],
        ),
        (greeter(), &[Says(b"exit it"), Ends], &["Welcome!", "(1s)", "Hello, exit it!", "(close)"]),
        (greeter(), &[Ends], &["Welcome!", "(close)"]),
        (printer(), &[Says(b"one\r\n")], &["[one]", "Hello world!", "(close)"]),
        (printer(), &[Ends], &["(close)"]),
        (
            asker(),
            &[Says(b"Michael"), Says(b"Tracy"), Says(b"Sarah"), Says(b"exit")],
            &[
                welcome,
                ask,
                r"Server: Hello Michael!\n",
                ask,
                r"Server: Hello Tracy!\n",
                ask,
                r"Server: Hello Sarah!\n",
                ask,
                bye,
                "(close)",
            ],
        ),
        (asker(), &[Says(b"quit\r\n")], &[welcome, ask, bye, "(close)"]),
        // At the client's own end nobody says good-bye to it.
        (asker(), &[Says(b"M"), Ends], &[welcome, ask, r"Server: Hello M!\n", ask, "(close)"]),
        (speaker(), &[Says(b"GET / HTTP/1.0\r\n\r\n")], &["hello", "(close)"]),
        (speaker(), &[Ends], &["hello", "(close)"]),
    ];
    for (partner, client, expected) in table {
        assert_eq!(play(&partner, 0, client), expected, "{:?} {client:?}", partner.dialogue);
    }
}

#[test]
fn a_message_is_given_back_as_it_came() {
    let lines = Partner { dialogue: Dialogue { lines: true, ..Dialogue::default() }, ..Partner::default() };
    let table: [(Partner, &[Client<'_>], &[&str]); 4] = [
        (Partner::default(), &[Says(b"a\nb\r\n"), Says(b"\n"), Ends], &[r"a\nb\r\n", r"\n", "(close)"]),
        (lines.clone(), &[Says(b"a\nb\r"), Says(b"\n\nc"), Ends], &[r"a\n", r"b\r\n", r"\n", "c", "(close)"]),
        (lines.clone(), &[Says(b"a"), Says(b"b")], &[]),
        (Partner { print: true, ..lines }, &[Says(b"a\nb\n")], &["[a]", r"a\n", "[b]", r"b\n"]),
    ];
    for (partner, client, expected) in table {
        assert_eq!(play(&partner, 0, client), expected, "{client:?}");
    }
}

#[test]
fn ends_of_dialogues() {
    let lines = |dialogue: Dialogue| Dialogue {
        lines: true,
        reply: Some(template("<", ">")),
        prompt: b"?".to_vec(),
        farewell: b"bye".to_vec(),
        ..dialogue
    };
    let two = || lines(Dialogue { max_messages: Some(2), ..Dialogue::default() });
    let exit = || lines(Dialogue { exit_words: vec![b"x".to_vec(), b"".to_vec()], ..Dialogue::default() });
    let silent = Dialogue { reply: Some(Template::default()), prompt: b"?".to_vec(), ..Dialogue::default() };
    let table: [(Dialogue, &[Client<'_>], &[&str]); 9] = [
        (two(), &[Says(b"a\nb\nc\n")], &["?", "[a]", "<a>", "?", "[b]", "<b>", "bye", "(close)"]),
        // The last line needs no newline, and no prompt follows where nobody is left to answer it.
        (two(), &[Says(b"a"), Ends], &["?", "[a]", "<a>", "(close)"]),
        (two(), &[Says(b"a\nb"), Ends], &["?", "[a]", "<a>", "?", "[b]", "<b>", "bye", "(close)"]),
        (exit(), &[Says(b"a\nx\nb\n")], &["?", "[a]", "<a>", "?", "[x]", "bye", "(close)"]),
        (exit(), &[Says(b"x"), Ends], &["?", "[x]", "bye", "(close)"]),
        (exit(), &[Says(b"\r\n")], &["?", "[]", "bye", "(close)"]),
        (exit(), &[Says(b"X\n"), Says(b" x\n")], &["?", "[X]", "<X>", "?", "[ x]", "< x>", "?"]),
        (silent, &[Says(b"a"), Says(b"b"), Ends], &["?", "[a]", "?", "[b]", "?", "(close)"]),
        (Dialogue { max_messages: Some(1), ..Dialogue::default() }, &[Says(b"a\n")], &["[a]", r"a\n", "(close)"]),
    ];
    for (dialogue, client, expected) in table {
        let partner = Partner { dialogue, print: true, ..Partner::default() };
        assert_eq!(play(&partner, 0, client), expected, "{:?} {client:?}", partner.dialogue);
    }
}

#[test]
fn messages_are_counted_and_kept_only_where_they_are_wanted() {
    let now = Instant::now();
    for print in [false, true] {
        let partner = Partner { print, ..asker() };
        let mut session = partner.session(0);
        for text in ["Michael", "exit"] {
            while let Step::Say(text) = session.step(now) {
                let n = text.len();
                session.said(n);
            }
            session.hear(text.as_bytes(), now);
        }
        assert_eq!(session.messages(), 2);
        let kept: Vec<_> = std::iter::from_fn(|| session.next_message()).collect();
        let expected: &[&[u8]] = if print { &[b"Michael", b"exit"] } else { &[] };
        assert_eq!(kept, expected);
    }
}

#[test]
fn while_an_answer_waits_the_client_is_not_read() {
    let (partner, now) = (greeter(), Instant::now());
    let early = now + 999 * MS;
    let due = early + MS;
    let mut session = partner.session(0);
    assert!(!session.wants_input());
    assert_eq!(session.step(now), Step::Say(b"Welcome!"));
    session.said(8);
    assert_eq!(session.step(now), Step::Listen);
    assert!(session.wants_input());
    session.hear(b"Bob", now);
    assert!(!session.wants_input());
    assert_eq!(session.step(now), Step::Pause(due));
    assert_eq!(session.step(early), Step::Pause(due));
    // The client's end does not take its answer away.
    session.ended(early);
    assert_eq!(session.step(due), Step::Say(b"Hello, Bob!"));
    session.said(5);
    assert!(!session.wants_input());
    assert_eq!(session.step(due), Step::Say(b", Bob!"));
    session.said(6);
    assert!(!session.wants_input());
    assert_eq!(session.step(due), Step::Close);
    session.hear(b"more", due);
    assert_eq!(session.step(due), Step::Close);
}

proptest! {
    #[test]
    fn lines_give_the_same_dialogue_wherever_the_reads_are_cut(
        input in prop::collection::vec(prop::sample::select(&b"ab\n\r"[..]), 1..60),
        size in 1_usize..20,
        at_once in 1_usize..9,
    ) {
        let mut partner = Partner { print: true, ..asker() };
        partner.dialogue.lines = true;
        partner.dialogue.exit_words = vec![b"aa".to_vec()];
        let client = |size| input.chunks(size).map(Says).chain([Ends]).collect::<Vec<_>>();
        let whole = play(&partner, 0, &client(60));
        prop_assert_eq!(&whole, &play_slowly(&partner, 0, &client(size), at_once));
        prop_assert!(whole.ends_with(&["(close)".to_owned()]));
    }
}

#[test]
fn faults_at_an_exact_byte() {
    let client = [Says(b"abc"), Says(b"defg"), Ends];
    let table: [(u64, &[&str]); 6] = [
        (0, &["(end)"]),
        (1, &["W", "(end)"]),
        (2, &["Wx", "(end)"]),
        (5, &["Wx", "abc", "(end)"]),
        (6, &["Wx", "abc", "d", "(end)"]),
        (10, &["Wx", "abc", "defg", "(close)"]),
    ];
    for then in [Ending::Close, Ending::Reset, Ending::Stall] {
        for (bytes, expected) in &table {
            let dialogue = Dialogue { greeting: b"Wx".to_vec(), ..Dialogue::default() };
            let faults = Faults { after: Some(After { bytes: *bytes, then }), ..Faults::default() };
            let end = format!("({then:?})").to_lowercase();
            let expected: Vec<_> = expected.iter().map(|what| what.replace("(end)", &end)).collect();
            assert_eq!(
                play(&Partner { dialogue, faults, ..Partner::default() }, 0, &client),
                expected,
                "{bytes} {end}"
            );
        }
    }
}

#[test]
fn a_session_that_was_cut_short_hears_nothing() {
    let now = Instant::now();
    let partner = Partner {
        faults: Faults { after: Some(After { bytes: 2, then: Ending::Stall }), ..Faults::default() },
        ..asker()
    };
    let mut session = partner.session(0);
    assert_eq!(session.step(now), Step::Say(b"Se"));
    session.said(2);
    assert_eq!(session.step(now), Step::Stall);
    session.hear(b"Michael", now);
    session.ended(now);
    assert_eq!(session.step(now), Step::Stall);
    assert_eq!((session.wants_input(), session.messages()), (false, 0));
}

#[test]
fn what_is_swallowed_is_no_message() {
    let table: [(u64, &[Client<'_>], &[&str]); 4] = [
        (3, &[Says(b"abcdef"), Ends], &["[def]", "def", "(close)"]),
        (3, &[Says(b"ab"), Says(b"cd"), Says(b"ef"), Ends], &["[d]", "d", "[ef]", "ef", "(close)"]),
        (2, &[Says(b"ab"), Ends], &["(close)"]),
        (u64::MAX, &[Says(b"ab"), Says(b"cd")], &[]),
    ];
    for (swallow, client, expected) in table {
        let partner = Partner { print: true, ..with(Faults { swallow, ..Faults::default() }) };
        assert_eq!(play(&partner, 0, client), expected, "{swallow} {client:?}");
    }
}

#[test]
fn chunks_have_their_size_and_lose_nothing() {
    let text = vec![b'x'; 1000];
    let sizes = |chunk: RangeInclusive<usize>, at_once| -> Vec<usize> {
        let partner = with(Faults { chunk: Some(chunk), ..Faults::default() });
        let did = play_slowly(&partner, 0, &[Says(&text), Says(b"y")], at_once);
        assert_eq!(said(&did), "x".repeat(1000) + "y");
        did.iter().map(String::len).collect()
    };
    assert_eq!(sizes(300..=300, usize::MAX), [300, 300, 300, 100, 1]);
    let drawn = sizes(1..=7, usize::MAX);
    assert!(drawn.iter().all(|size| (1..=7).contains(size)) && (1..=7).all(|size| drawn.contains(&size)));
    // How much the client's kernel takes at a time does not change what the dice give.
    for at_once in [1, 2, 5] {
        assert_eq!(sizes(1..=7, at_once), drawn, "{at_once}");
    }
}

/// What happens to thirty clients that say twenty things each.
fn crowd(faults: &Faults, seed: u64) -> Vec<Vec<String>> {
    let partner = Partner { faults: faults.clone(), seed, ..Partner::default() };
    let client: Vec<_> = [Says(b"message"); 20].into_iter().chain([Ends]).collect();
    (0..30).map(|number| play(&partner, number, &client)).collect()
}

#[test]
fn the_same_seed_gives_the_same_faults_to_each_client() {
    let none = Faults::default;
    let table = [
        ("delay", Faults { delay: Some(30 * MS..=70 * MS), ..none() }),
        ("chunk", Faults { chunk: Some(1..=7), ..none() }),
        ("close before reply", Faults { close_before_reply: percent(10), ..none() }),
        ("corrupt", Faults { corrupt: percent(10), ..none() }),
        (
            "all",
            Faults {
                delay: Some(Duration::ZERO..=MS),
                chunk: Some(2..=3),
                close_before_reply: percent(1),
                corrupt: percent(50),
                ..none()
            },
        ),
    ];
    for (name, faults) in table {
        let did = crowd(&faults, 7);
        assert_eq!(did, crowd(&faults, 7), "{name}");
        assert_ne!(did, crowd(&faults, 8), "{name}");
        assert!(did.iter().any(|client| *client != did[0]), "{name}: each client has its own dice");
    }
    // What leaves nothing to chance does not look at the seed.
    let cut = Faults { after: Some(After { bytes: 5, then: Ending::Reset }), swallow: 3, ..none() };
    assert_eq!(crowd(&cut, 7), crowd(&cut, 8));
}

#[test]
fn faults_come_as_often_as_they_should_and_do_what_they_say() {
    let corrupt = crowd(&Faults { corrupt: percent(25), ..Faults::default() }, 1);
    let is_changed = |text: &&String| !matches!(text.as_str(), "message" | "(close)");
    let changed = corrupt.iter().flatten().filter(is_changed).count();
    assert!((100..200).contains(&changed) && corrupt.iter().all(|client| client.len() == 21), "{changed} of 600");

    let closed = crowd(&Faults { close_before_reply: percent(10), ..Faults::default() }, 1);
    assert!(closed.iter().all(|client| client.iter().filter(|text| *text == "message").count() == client.len() - 1));
    // 0.9^20, the chance to come through, is 12 %.
    let came_through = closed.iter().filter(|client| client.len() == 21).count();
    assert!((1..=10).contains(&came_through), "{came_through} of 30");

    let delays = crowd(&Faults { delay: Some(30 * MS..=70 * MS), ..Faults::default() }, 1);
    let pauses = delays.iter().flatten().filter_map(|text| text.strip_prefix('(')?.strip_suffix("ms)")?.parse().ok());
    let pauses: Vec<f64> = pauses.collect();
    assert!(pauses.len() == 600 && pauses.iter().all(|ms| (30.0..=70.0).contains(ms)), "{pauses:?}");
    assert!(pauses.iter().any(|&ms| ms < 31.0) && pauses.iter().any(|&ms| ms > 69.0), "{pauses:?}");
}

#[test]
fn only_answers_are_corrupted() {
    let mut partner = asker();
    partner.faults.corrupt = Percent::ALL;
    let did = play(&partner, 0, &[Says(b"Michael"), Says(b"exit")]);
    let (welcome, ask, bye) = (r"Server: Welcome!\n", r"Server: What\'s your name?", r"Server: Good bye!\n");
    assert_eq!([&did[0], &did[1], &did[3], &did[4]], [welcome, ask, ask, bye]);
    assert_ne!(did[2], r"Server: Hello Michael!\n");
}

#[test]
fn closing_comes_when_the_answer_would_have_come() {
    let mut partner = greeter();
    partner.dialogue.farewell = b"bye".to_vec();
    partner.faults.close_before_reply = Percent::ALL;
    assert_eq!(play(&partner, 0, &[Says(b"Bob")]), ["Welcome!", "(1s)", "(close)"]);
}

#[test]
fn discard_says_nothing() {
    let partner = Partner { service: Service::Discard, ..Partner::default() };
    assert_eq!(play(&partner, 0, &[Says(b"a"), Says(&[b'x'; 7000]), Ends]), ["(close)"]);
}

#[test]
fn daytime_says_it_once() {
    let wall = || UNIX_EPOCH + Duration::from_secs(383_247_463);
    let partner = Partner { service: Service::Daytime, wall, ..Partner::default() };
    assert_eq!(play(&partner, 0, &[]), [r"Monday, February 22, 1982 17:37:43-UTC\r\n", "(close)"]);
    let faults = Faults { delay: Some(MS..=MS), chunk: Some(20..=20), ..Faults::default() };
    assert_eq!(
        play(&Partner { faults, ..partner }, 0, &[]),
        ["(1ms)", "Monday, February 22,", r" 1982 17:37:43-UTC\r\n", "(close)"]
    );
}

/// The first bytes that a chargen server says while the client goes on talking.
fn chargen(faults: &Faults, wanted: usize) -> (Vec<u8>, Vec<usize>) {
    let partner = Partner { service: Service::Chargen, faults: faults.clone(), ..Partner::default() };
    let mut session = partner.session(0);
    let (mut now, mut said, mut sizes) = (Instant::now(), Vec::new(), Vec::new());
    while said.len() < wanted {
        match session.step(now) {
            Step::Say(text) => {
                let n = text.len();
                said.extend_from_slice(text);
                sizes.push(n);
                session.said(n);
            }
            Step::Pause(until) => now = until,
            other => panic!("{other:?}"),
        }
        assert!(session.wants_input());
        session.hear(b"never mind", now);
    }
    assert_eq!((session.messages(), session.next_message()), (0, None));
    session.ended(now);
    // Who has only ended its side may be reading.
    assert!(!session.wants_input() && !matches!(session.step(now), Step::Close | Step::Listen));
    (said, sizes)
}

#[test]
fn chargen_goes_on_and_on() {
    let expected: Vec<u8> = (0..4000_usize)
        .flat_map(|n| (0..72).map(move |at| b' ' + u8::try_from((n + at) % 95).expect("below 95")).chain(*b"\r\n"))
        .collect();
    let none = Faults::default;
    let by_line = Faults { delay: Some(MS..=MS), ..none() };
    for faults in [none(), by_line.clone(), Faults { chunk: Some(1..=70), ..none() }] {
        let (said, sizes) = chargen(&faults, 200_000);
        assert!(expected.starts_with(&said), "{faults:?}");
        assert!(faults != by_line || sizes.iter().all(|&size| size == 74));
        assert!(faults != none() || sizes.iter().all(|&size| size > 32 << 10), "few calls: {sizes:?}");
    }
    let partner = Partner {
        service: Service::Chargen,
        faults: Faults { after: Some(After { bytes: 80, then: Ending::Reset }), ..none() },
        ..Partner::default()
    };
    assert_eq!(play(&partner, 0, &[]), [expected[..80].escape_ascii().to_string(), "(reset)".into()]);
}

/// Plays a socket to senders, each named by a letter, whose datagrams come at these milliseconds; gives what goes when.
fn datagrams(partner: &Partner, heard: &[(u64, char, &str)]) -> Vec<(u64, char, String)> {
    let start = Instant::now();
    let mut part = partner.datagrams();
    let mut gone = Vec::new();
    for ms in 0..3000 {
        let now = start + MS * ms;
        let ms = u64::from(ms);
        for (_, from, text) in heard.iter().filter(|(at, ..)| *at == ms) {
            part.hear(text.as_bytes(), from, now);
        }
        while let Some((bytes, to)) = part.next(now) {
            gone.push((ms, to, bytes.escape_ascii().to_string()));
        }
        assert!(part.due().is_none_or(|due| due > now));
    }
    assert_eq!((part.due(), part.dropped()), (None, 0));
    gone
}

fn assert_gone(partner: &Partner, heard: &[(u64, char, &str)], expected: &[(u64, char, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(ms, to, text)| (*ms, *to, (*text).to_owned())).collect();
    assert_eq!(datagrams(partner, heard), expected, "{heard:?}");
}

#[test]
fn each_datagram_is_a_message_and_each_answer_has_its_own_delay() {
    // Dialogue b: the same script as for streams; nobody is greeted.
    assert_gone(
        &greeter(),
        &[(0, 'a', "Michael"), (10, 'b', "Tracy\n"), (20, 'a', "Sarah"), (30, 'b', "exit")],
        &[(1000, 'a', "Hello, Michael!"), (1010, 'b', "Hello, Tracy!"), (1020, 'a', "Hello, Sarah!")],
    );
    let asked = [(0, 'a', "M\r\n"), (1, 'a', "exit\n"), (2, 'a', "")];
    let answered = [(0, 'a', r"Server: Hello M!\n"), (1, 'a', r"Server: Good bye!\n"), (2, 'a', r"Server: Hello !\n")];
    assert_gone(&asker(), &asked, &answered);
    // Neither --max-messages nor --lines: nothing is continued.
    let mut lines = Partner::default();
    lines.dialogue.lines = true;
    lines.dialogue.max_messages = Some(1);
    assert_gone(
        &lines,
        &[(0, 'a', "a\nb"), (1, 'a', "\r\n"), (2, 'a', "")],
        &[(0, 'a', r"a\nb"), (1, 'a', r"\r\n"), (2, 'a', "")],
    );
    assert_gone(&speaker(), &[(0, 'a', "x"), (1, 'a', "")], &[]);
}

#[test]
fn messages_in_datagrams_are_kept_for_printing() {
    let partner = Partner { print: true, ..greeter() };
    let mut part = partner.datagrams();
    for (from, text) in [('a', "one\n"), ('b', "exit"), ('a', "\n")] {
        part.hear(text.as_bytes(), &from, Instant::now());
    }
    let kept: Vec<_> = std::iter::from_fn(|| part.next_message()).collect();
    assert_eq!(kept, [(b"one".to_vec(), 'a'), (b"exit".to_vec(), 'b'), (Vec::new(), 'a')]);
    let partner = greeter();
    let mut part = partner.datagrams();
    part.hear(b"one", &'a', Instant::now());
    assert_eq!(part.next_message(), None);
}

#[test]
fn certain_faults_of_datagrams() {
    let none = Faults::default;
    let heard = [(0, 'a', "1"), (1, 'a', "2"), (2, 'b', "x"), (3, 'a', "3")];
    assert_gone(&with(Faults { drop: Percent::ALL, ..none() }), &heard, &[]);
    let twice = [(0, 'a', "1"), (0, 'a', "1"), (2, 'b', "x"), (2, 'b', "x")];
    assert_gone(&with(Faults { duplicate: Percent::ALL, ..none() }), &[heard[0], heard[2]], &twice);
    let late = [(1, 'a', "2"), (1, 'a', "1"), (102, 'b', "x"), (103, 'a', "3")];
    assert_gone(&with(Faults { reorder: Percent::ALL, ..none() }), &heard, &late);
}

/// What happens to 200 datagrams of one sender, between which others send, or not.
fn flight(faults: &Faults, seed: u64, others: usize) -> Vec<String> {
    let partner = Partner { faults: faults.clone(), seed, ..Partner::default() };
    let texts: Vec<_> = (0..200).map(|n| format!("message {n}")).collect();
    let own = texts.iter().zip(0..).map(|(text, n)| (n * 10, 'a', text.as_str()));
    let heard: Vec<_> = own
        .flat_map(|(ms, who, text)| {
            let noise = ('b'..).take(others).map(move |other| (ms, other, "noise"));
            std::iter::once((ms, who, text)).chain(noise)
        })
        .collect();
    let gone = datagrams(&partner, &heard).into_iter().filter(|(_, to, _)| *to == 'a');
    gone.map(|(ms, _, text)| format!("{ms} {text}")).collect()
}

#[test]
fn the_same_seed_gives_the_same_faults_to_each_sender() {
    let none = Faults::default;
    let table = [
        ("delay", Faults { delay: Some(MS..=50 * MS), ..none() }),
        ("corrupt", Faults { corrupt: percent(20), ..none() }),
        ("drop", Faults { drop: percent(20), ..none() }),
        ("duplicate", Faults { duplicate: percent(20), ..none() }),
        ("reorder", Faults { reorder: percent(20), ..none() }),
    ];
    let untouched = flight(&none(), 7, 0);
    for (name, faults) in table {
        let gone = flight(&faults, 7, 0);
        assert_eq!(gone, flight(&faults, 7, 0), "{name}");
        assert_eq!(gone, flight(&faults, 7, 3), "{name}: others do not disturb it");
        assert_ne!(gone, flight(&faults, 8, 0), "{name}");
        let changed = gone.iter().filter(|what| !untouched.contains(what)).count();
        let wanted = match name {
            "delay" => 200..201,
            // Nothing is changed: some is missing, or there twice.
            "drop" | "duplicate" => 0..1,
            _ => 20..60,
        };
        assert!(wanted.contains(&changed), "{name}: {changed}");
        let count = match name {
            "drop" => 140..180,
            "duplicate" => 220..260,
            _ => 200..201,
        };
        assert!(count.contains(&gone.len()), "{name}: {}", gone.len());
    }
}

#[test]
fn services_answer_datagrams() {
    let wall = || UNIX_EPOCH;
    let partner = |service| Partner { service, wall, seed: 1, ..Partner::default() };
    let heard = [(0, 'a', ""), (1, 'b', "x")];
    assert_gone(&partner(Service::Discard), &heard, &[]);
    let time = r"Thursday, January 1, 1970 00:00:00-UTC\r\n";
    assert_gone(&partner(Service::Daytime), &heard, &[(0, 'a', time), (1, 'b', time)]);
    let first = datagrams(&partner(Service::Chargen), &heard);
    assert_eq!(first, datagrams(&partner(Service::Chargen), &heard));
    assert_ne!(first, datagrams(&Partner { seed: 2, ..partner(Service::Chargen) }, &heard));
    assert_eq!(first.len(), 2);
}

#[test]
fn small_services_get_no_answer() {
    let refused: Vec<_> = (0..=u16::MAX).filter(|&port| !may_be_answered(port)).collect();
    assert_eq!(refused, [7, 13, 17, 19]);
}

#[test]
fn what_a_partner_is() {
    fn is_shared<T: Sync>(_: &T) {}
    let plain = Partner { seed: 5, ..Partner::default() };
    is_shared(&plain);
    assert!(plain.is_plain_echo() && !plain.has_dialogue() && !plain.is_left_to_chance(true));
    let lines = Dialogue { lines: true, ..Dialogue::default() };
    let others = [
        Partner { print: true, ..plain.clone() },
        Partner { dialogue: lines, ..plain.clone() },
        with(Faults { swallow: 1, ..Faults::default() }),
        Partner { service: Service::Discard, ..plain },
    ];
    assert!(others.iter().all(|partner| !partner.is_plain_echo() && !partner.is_left_to_chance(true)));
    assert_eq!(others.map(|partner| partner.has_dialogue()), [true, true, false, false]);
    assert!(with(Faults { chunk: Some(1..=2), ..Faults::default() }).is_left_to_chance(false));
    let chargen = Partner { service: Service::Chargen, ..Partner::default() };
    assert!(chargen.is_left_to_chance(true) && !chargen.is_left_to_chance(false));
}
