//! `cargo bench --bench micro`: pure code that stands between bytes or words and the user, timed by criterion.
//!
//! A number here matters only beside the same number before a change. What a user waits for is in `peers`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sockkit::address::{Endpoint, PortSet, Role};
use sockkit::event::Side;
use sockkit::report::hex::{Dump, Style};

fn addresses(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("address");
    for text in [
        "192.0.2.1:80",
        "www.example.com:https",
        "[2001:db8::1]:443",
        "[fe80::1%eth0]:22",
        "unix:/run/demo.sock",
        "www.example..com:80",
    ] {
        group.bench_function(text, |bencher| bencher.iter(|| black_box(text).parse::<Endpoint>()));
    }
    let words = ["2001:db8::1".to_owned(), "443".to_owned()];
    group.bench_function("two words", |bencher| {
        bencher.iter(|| Endpoint::from_words(black_box(&words), Role::Connects).is_ok());
    });
    let ports = "22,80,443,8000-8010,9000-9999";
    group.bench_function("ports", |bencher| bencher.iter(|| black_box(ports).parse::<PortSet>()));
    group.finish();
}

fn hex_dump(criterion: &mut Criterion) {
    let piece: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    let mut group = criterion.benchmark_group("hex");
    for (name, style) in [("64 KiB as text", Style::Text), ("64 KiB as JSON", Style::Json)] {
        let mut dump = Dump::new(style);
        group.bench_function(name, |bencher| {
            bencher.iter(|| dump.rows(Duration::from_millis(1), Side::Peer, black_box(&piece)).len());
        });
    }
    group.finish();
}

criterion_group!(benches, addresses, hex_dump);
criterion_main!(benches);
