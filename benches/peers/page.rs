//! The Markdown that goes to stdout, and that `benches/RESULTS.md` keeps.

use std::fmt::Write;
use std::fs;

use crate::Bench;
use crate::bars::{self, Bar, Verdict, Wanted};
use crate::echo;
use crate::get;
use crate::options::ROUNDS;
use crate::rounds::{Failure, Results, Row};
use crate::sample::{Measure, float};
use crate::tools::Rank;
use crate::udp;

/// Half a noise band as wide as this hides what the bars are about: tenths.
const NOISY: f64 = 0.1;

pub fn page(bench: &Bench, results: &[Results]) -> String {
    let parts = [heading(bench), table(results), bars_table(results), notes(bench), versions(results)];
    parts.join("\n")
}

fn heading(bench: &Bench) -> String {
    let options = &bench.options;
    let command: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let mut text = String::from("# sockkit beside its peers\n\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "`cargo bench --bench peers{}`\n", tail(&command));
    let _ = writeln!(
        text,
        "{}. {} rounds, {} MiB a transfer and direction; files in {}.",
        machine(),
        options.rounds,
        options.size >> 20,
        if bench.scratch.is_memory { "/dev/shm (tmpfs)" } else { "the temporary directory" }
    );
    if options.rounds < ROUNDS {
        let _ = writeln!(text, "\n**Fewer than {ROUNDS} rounds: no claim may rest on this.**");
    }
    text
}

fn tail(words: &[String]) -> String {
    if words.is_empty() { String::new() } else { format!(" -- {}", words.join(" ")) }
}

/// Cores, processor, kernel: without them the numbers mean nothing to a reader elsewhere.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, {}, Linux {}", model.map_or("unknown processor", |(_, name)| name), kernel.trim())
}

fn table(results: &[Results]) -> String {
    let mut text = String::from(
        "| scenario | tool | median | also | CPU | peak MiB | to the best peer | to the bare loop | noise |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for one in results {
        text.extend(one.rows.iter().map(|row| line(one, row)));
    }
    text
}

fn line(results: &Results, row: &Row) -> String {
    let (title, name) = (results.scenario.title, row.tool.name);
    let samples = match &row.failure {
        Some(Failure::Absent(reason)) => return format!("| {title} | {name} | left out: {reason} | | | | | | |\n"),
        Some(Failure::Failed(reason)) => {
            return format!("| {title} | {name} | failed: {} | | | | | | |\n", cell(reason));
        }
        None => &row.samples,
    };
    let measure = results.scenario.measure;
    let best = results.best_peer(measure).map(|peer| ratio(measure.ratio(samples, &peer.samples)));
    let to_bare = results.bare_row().map(|bare| ratio(measure.ratio(samples, &bare.samples)));
    let also: Vec<_> = results.scenario.also.iter().map(|also| value(*also, also.median(samples))).collect();
    let cpu = measure.cpu().map(|cpu| value(cpu, cpu.median(samples)));
    let noise = (row.tool.rank == Rank::Bare).then(|| band(results.noise(measure)));
    let dash = || "–".to_owned();
    format!(
        "| {title} | {name} | {} | {} | {} | {} | {} | {} | {} |\n",
        value(measure, measure.median(samples)),
        also.join(", "),
        cpu.unwrap_or_else(dash),
        value(Measure::Peak, Measure::Peak.median(samples)),
        best.unwrap_or_else(dash),
        to_bare.unwrap_or_else(dash),
        noise.unwrap_or_default(),
    )
}

fn value(measure: Measure, value: f64) -> String {
    match measure {
        _ if value.is_nan() => "–".to_owned(),
        Measure::Rate => format!("{value:.2} GB/s"),
        Measure::Time => format!("{:.1} µs", value * 1e6),
        Measure::Cpu => format!("{value:.2} s/GB"),
        Measure::Peak => format!("{value:.1}"),
        Measure::PerSecond => format!("{value:.0} /s"),
        Measure::CpuEach => format!("{:.2} µs each", value * 1e6),
        Measure::P99 => format!("p99 {:.0} µs", value * 1e6),
        Measure::Resent => format!("{value:.0} sent again"),
        Measure::Busy => format!("load {:.0} %", value * 100.0),
        Measure::Idle => format!("idle {:.2} %", value * 100.0),
        Measure::Kept => format!("{:.1} % kept", value * 100.0),
        Measure::Offered => format!("{value:.0} /s offered"),
        Measure::Growth => format!("grew {value:.2} MiB"),
    }
}

fn bars_table(results: &[Results]) -> String {
    let mut text = String::from("| bar | wanted | got | ± noise | |\n|---|--:|--:|--:|---|\n");
    for one in results {
        let bars = bars::ALL.iter().filter(|bar| bar.scenario == one.scenario.name);
        text.extend(bars.map(|bar| bar_line(one, bar, &bar.verdict(one))));
    }
    if results.iter().any(|one| is_noisy(one.noise(one.scenario.measure))) {
        text.push_str("\n**The machine was busy: where the noise is this wide, \"met\" says little.**\n");
    }
    text
}

fn is_noisy((low, high): (f64, f64)) -> bool {
    (high - low) / 2.0 > NOISY
}

fn bar_line(results: &Results, bar: &Bar, verdict: &Verdict) -> String {
    let wanted = match verdict.wanted {
        Wanted::AtLeast(wanted) => format!("≥ {wanted}"),
        Wanted::Either { ratio, enough } => format!("≥ {ratio}, or {} in itself", value(bar.measure, enough)),
        Wanted::AtMost(wanted) => format!("≤ {wanted}"),
    };
    let met = match verdict.is_met() {
        None => "not measured",
        Some(true) => "met",
        Some(false) => "**not met**",
    };
    let mut got = verdict.got.map_or_else(|| "–".to_owned(), |got| format!("{got:.2}"));
    if let Some(own) = verdict.own {
        got = format!("{got}; {}", value(bar.measure, own));
    }
    let (title, percent) = (results.scenario.title, verdict.tolerance * 100.0);
    format!("| {title}: {} | {wanted} | {got} | {percent:.0} % | {met} |\n", bar.says)
}

fn notes(bench: &Bench) -> String {
    format!(
        "- Medians over the rounds; a ratio is the median of each round's ratio. Ratios of GB/s: more is better; of times: less is better.\n\
         - GB = 10⁹ bytes, both ways together. CPU: user and system time of both ends. Peak: the larger end's resident set.\n\
         - The best peer is the one with the best median. The bare loop runs twice a round; a ratio to it is one to the mean of both.\n\
         - Noise: the 10–90 % band of the bare loop's ratio to itself. A bar is met if it is reached within half that band.\n\
         - Before the rounds each tool's transfer was compared byte for byte; a tool that lost any is left out. In each round: exit codes, all of stdin read, sizes of what went into files and pipes.\n\
         - Ping-pong: the median of {} round trips a round. Start-up: the median of {} processes a round.\n\
         - Echo servers: {} clients, {} of them in the crowd; every byte that came back was compared. CPU and peak: the server's own process, \
         without those that it forks. Bullies: the same server with and without them, by turns. \
         Load: the share of a core that making it took; near 100 % it is what limits the rate, and the CPU tells the servers apart.\n\
         - HTTP: from {} (one process, sendfile) to the tool's own end; CPU and peak: the client's. A file is named by its -o or -O; \
         the reader of a pipe splices to /dev/null. The bare loop of chunks reads, and looks at nothing but the sizes. \
         The small ones: the median of {} processes a round, peak too.\n\
         - udp-send: the file as datagrams of {} bytes, from the start of the sender to its end; CPU: the sender's, and µs each are seconds per million. \
         The bench's sink takes trains; each datagram there was of that size (but the last), and before the rounds compared. Kept: the share that came; what the sink had no room for is not the sender's fault. \
         ncat sends what one read gives: it is fed by a pipe that keeps borders. nc.openbsd fills 16,384 bytes whatever feeds it, so the bar leaves it out. iperf3: its own count and clock between its own two ends, from memory, no file.\n\
         - udp-recv: evenly offered in trains of {} for {} s, which the kernel cuts in the sender's time; over a file whose pages are there already, since the first touch of a page \
         costs what the machine's host takes. Kept: in the file, of those sent. \
         Of sockkit, what is in the file and what it says was dropped was in every run what was sent, to the datagram (with --gro: no more than that). \
         The other rows keep silent about what they lost.\n\
         - Absolute values are this machine's at that hour.\n",
        float(bench.options.round_trips as u64),
        float(bench.options.starts as u64),
        echo::CLIENTS,
        echo::CROWD,
        get::nginx::version().unwrap_or_else(|| "an nginx that is not there".to_owned()),
        float(bench.options.starts as u64),
        udp::DATAGRAM,
        udp::TRAIN,
        bench.options.offer.as_secs_f64(),
    )
}

fn versions(results: &[Results]) -> String {
    let tools = results.iter().flat_map(|one| &one.rows).filter(|row| row.failure.is_none());
    let mut lines: Vec<_> = tools.filter_map(|row| Some(format!("- {}\n", cell(&row.tool.version()?)))).collect();
    lines.sort();
    lines.dedup();
    lines.concat()
}

fn ratio(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn band((low, high): (f64, f64)) -> String {
    format!("{low:.2}–{high:.2}")
}

/// One line, and no column of its own.
fn cell(text: &str) -> String {
    text.replace('|', "/").split_whitespace().collect::<Vec<_>>().join(" ")
}
