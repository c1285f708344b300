//! The main job: bytes both ways between `listen` and `connect`, honest ends.

mod support;

use support::{run, sockkit, start};

#[test]
fn bytes_go_both_ways_and_both_end_with_0() {
    let mut listener = start(sockkit(["listen", "127.0.0.1", "0"]).stdin(std::process::Stdio::piped()));
    let port = listener.address().port().to_string();
    listener.feed(b"from the listener".to_vec());
    let client = run(&mut sockkit(["connect", "127.0.0.1", &port]), b"from the client").expect(0);
    assert_eq!(client.text(), "from the listener");
    assert_eq!(listener.end().expect(0).text(), "from the client");
}
