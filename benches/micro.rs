//! `cargo bench --bench micro`: pure code that stands between bytes or words and the user, timed by criterion.
//!
//! A number here matters only beside the same number before a change. What a user waits for is in `peers`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sockkit::address::{Endpoint, PortSet, Role};

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

criterion_group!(benches, addresses);
criterion_main!(benches);
