//! `--output`: what may be overwritten, what is left behind, and what is never removed.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::support::wire::{read_all, refusing, server};
use crate::support::{assert_same, directory, file, random, sockkit, start};

fn giving(bytes: Vec<u8>) -> (SocketAddr, JoinHandle<()>) {
    server(move |mut stream| {
        // A refusal to take it is what some of the tests are about.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    })
}

fn into(address: SocketAddr, path: &Path) -> Command {
    let mut command = sockkit(["connect", &address.to_string(), "-o"]);
    command.arg(path);
    command
}

#[test]
fn a_new_file_gets_everything_and_the_usual_mode() {
    let dir = directory();
    let path = dir.path().join("new");
    let bytes = random(3 << 20, 1);
    let (address, peer) = giving(bytes.clone());
    let ended = start(&mut into(address, &path)).end().expect(0);
    assert!(ended.stdout.is_empty());
    assert_same(&fs::read(&path).expect("it was made"), &bytes);
    let mode = fs::metadata(&path).expect("it was made").permissions().mode() & 0o777;
    let usual = fs::metadata(file(&dir, "usual", b"")).expect("it was made").permissions().mode() & 0o777;
    assert_eq!(mode, usual);
    peer.join().expect("the script ends");
}

#[test]
fn a_file_that_exists_is_23_before_connecting() {
    let dir = directory();
    let path = file(&dir, "old", b"precious");
    let ended = start(&mut into(refusing(), &path)).end().expect(23);
    assert!(ended.stderr.contains("the file exists") && ended.stderr.contains("--force"), "{}", ended.stderr);
    assert_eq!(fs::read(&path).expect("it is there"), b"precious");
}

#[test]
fn force_overwrites_it() {
    let dir = directory();
    let path = file(&dir, "old", &random(1 << 20, 2));
    let (address, peer) = giving(b"short".to_vec());
    start(into(address, &path).arg("--force")).end().expect(0);
    assert_eq!(fs::read(&path).expect("it is there"), b"short");
    peer.join().expect("the script ends");
}

#[test]
fn nothing_is_left_behind_when_connecting_fails() {
    let dir = directory();
    let path = dir.path().join("new");
    start(&mut into(refusing(), &path)).end().expect(7);
    assert!(!path.exists());
}

#[test]
fn force_destroys_nothing_when_connecting_fails() {
    let dir = directory();
    let path = file(&dir, "old", b"precious");
    start(into(refusing(), &path).arg("--force")).end().expect(7);
    assert_eq!(fs::read(&path).expect("it is there"), b"precious");
}

#[test]
fn what_came_before_a_reset_is_kept() {
    let dir = directory();
    let path = dir.path().join("new");
    let (address, peer) = server(|mut stream| {
        stream.write_all(b"the first part").expect("the client reads");
        crate::support::wire::read_exactly(&stream, 1);
        crate::support::wire::reset(stream);
    });
    crate::support::run(&mut into(address, &path), b"x").expect(56);
    assert_eq!(fs::read(&path).expect("it is there"), b"the first part");
    peer.join().expect("the script ends");
}

#[test]
fn an_empty_download_makes_an_empty_file() {
    let dir = directory();
    let path = dir.path().join("new");
    let (address, peer) = giving(Vec::new());
    start(&mut into(address, &path)).end().expect(0);
    assert_eq!(fs::read(&path).expect("it was made").len(), 0);
    peer.join().expect("the script ends");
}

#[test]
fn a_link_is_followed_to_a_free_or_taken_target() {
    let dir = directory();
    let (link, target) = (dir.path().join("link"), dir.path().join("target"));
    symlink("target", &link).expect("the directory is ours");
    let (address, peer) = giving(b"through the link".to_vec());
    start(&mut into(address, &link)).end().expect(0);
    assert_eq!(fs::read(&target).expect("it was made"), b"through the link");
    assert!(fs::symlink_metadata(&link).expect("it stays").file_type().is_symlink());
    peer.join().expect("the script ends");
    start(&mut into(refusing(), &link)).end().expect(23);
    let looped = dir.path().join("loop");
    symlink("loop", &looped).expect("the directory is ours");
    start(&mut into(refusing(), &looped)).end().expect(23);
}

#[test]
fn a_link_whose_target_was_made_by_us_goes_with_it_not() {
    let dir = directory();
    let (link, target) = (dir.path().join("link"), dir.path().join("target"));
    symlink("target", &link).expect("the directory is ours");
    start(&mut into(refusing(), &link)).end().expect(7);
    assert!(fs::symlink_metadata(&link).is_ok(), "a link that sockkit did not make is gone");
    assert!(!target.exists(), "an empty file is left behind");
}

#[test]
fn a_full_device_is_23() {
    let (address, peer) = giving(b"data".to_vec());
    let ended = start(&mut into(address, Path::new("/dev/full"))).end().expect(23);
    assert!(ended.stderr.contains("/dev/full") && ended.stderr.contains("no space left"), "{}", ended.stderr);
    assert!(Path::new("/dev/full").exists());
    peer.join().expect("the script ends");
}

#[test]
fn a_fifo_is_written_as_it_is_and_stays() {
    let dir = directory();
    let path = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&path).status().is_ok_and(|s| s.success()));
    let bytes = random(1 << 20, 3);
    let (address, peer) = giving(bytes.clone());
    let running = start(&mut into(address, &path));
    // Opened by the reader only now: the writer has to wait for that.
    let got = fs::read(&path).expect("it can be read");
    running.end().expect(0);
    assert_same(&got, &bytes);
    assert!(path.exists());
    peer.join().expect("the script ends");
}

#[test]
fn a_directory_or_a_missing_one_is_23() {
    let dir = directory();
    start(&mut into(refusing(), dir.path())).end().expect(23);
    start(&mut into(refusing(), &dir.path().join("no/such/place"))).end().expect(23);
}

#[test]
fn descriptors_and_a_dash_are_names_of_what_is_open() {
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "-"] {
        let (address, peer) = giving(b"to stdout".to_vec());
        assert_eq!(start(&mut into(address, Path::new(name))).end().expect(0).text(), "to stdout", "{name}");
        peer.join().expect("the script ends");
    }
    start(&mut into(refusing(), Path::new("/dev/fd/77"))).end().expect(23);
}

#[test]
fn listen_has_it_too() {
    let dir = directory();
    let path = dir.path().join("new");
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "-o"]).arg(&path));
    let stream = crate::support::wire::client(listener.address());
    (&stream).write_all(b"upload").expect("it listens");
    stream.shutdown(Shutdown::Write).expect("it is connected");
    assert!(read_all(&stream).is_empty());
    assert!(listener.end().expect(0).stdout.is_empty());
    assert_eq!(fs::read(&path).expect("it was made"), b"upload");
}

#[test]
fn a_listener_that_nobody_came_to_leaves_nothing_behind() {
    let dir = directory();
    let path = dir.path().join("new");
    start(sockkit(["listen", "127.0.0.1", "0", "--accept-timeout", "100ms", "-o"]).arg(&path)).end().expect(28);
    assert!(!path.exists());
    let listener = start(sockkit(["listen", "127.0.0.1", "0", "-o"]).arg(&path).stdin(Stdio::null()));
    listener.address();
    listener.signal(15);
    listener.end().expect(143);
    assert!(!path.exists());
}

#[test]
fn force_and_send_only_need_sense() {
    start(&mut sockkit(["connect", "127.0.0.1:9", "--force"])).end().expect(2);
    start(&mut sockkit(["connect", "127.0.0.1:9", "--send-only", "-o", "x"])).end().expect(2);
}
