//! Peers that are scripted in Rust, and the network conditions that tests need: a reset, a full backlog, an
//! address that no other test uses.

use std::cell::RefCell;
use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use super::HARD_LIMIT;

/// A server for one client, on a thread: its address, and the thread that ends with the script's value.
pub fn server<T: Send + 'static>(script: impl FnOnce(TcpStream) -> T + Send + 'static) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let serve = move || {
        let (client, _) = accept(&listener);
        script(client)
    };
    (address, thread::spawn(serve))
}

/// Gives each client of `listener`, numbered from 0 on, to `serve` on a thread, until the calling test is over.
pub fn serve(listener: TcpListener, serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let address = listener.local_addr().expect("it is bound");
    let end = End(listener.try_clone().expect("a descriptor is free"));
    ENDS.with_borrow_mut(|ends| ends.push(end));
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(number, patient(client)));
        }
    });
    address
}

thread_local! {
    /// What ends with this thread, which is a test's own.
    static ENDS: RefCell<Vec<End>> = const { RefCell::new(Vec::new()) };
}

/// A listener that takes nobody any more once this is dropped.
struct End(TcpListener);

impl Drop for End {
    fn drop(&mut self) {
        // It wakes the accept(2) of another thread with an error.
        let _ = SockRef::from(&self.0).shutdown(Shutdown::Both);
    }
}

/// The next client of `listener`, and where it comes from.
#[track_caller]
pub fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    // socket(7): the limit of reads is one of accept(2) too.
    SockRef::from(listener).set_read_timeout(Some(HARD_LIMIT)).expect("the limit is not zero");
    let (client, from) = listener.accept().expect("a client comes");
    (patient(client), from)
}

/// A client of `address`.
#[track_caller]
pub fn client(address: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}")))
}

/// No read or write of a test waits for ever.
fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(HARD_LIMIT)).expect("the limit is not zero");
    stream.set_write_timeout(Some(HARD_LIMIT)).expect("the limit is not zero");
    stream
}

/// Everything up to the peer's end.
#[track_caller]
pub fn read_all(mut stream: &TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the peer ends cleanly");
    all
}

/// Exactly `n` bytes.
#[track_caller]
pub fn read_exactly(mut stream: &TcpStream, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    stream.read_exact(&mut bytes).expect("the peer sends that much");
    bytes
}

/// Closes with a reset instead of a FIN.
pub fn reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("SO_LINGER can be set");
    drop(stream);
}

/// An address of the loopback network that no other test uses, for programs that can't take port 0.
pub fn loopback() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // 127.128.0.0/9: the process in 12 bits, the count in 11.
    let (process, number) = (std::process::id() & 0xfff, NEXT.fetch_add(1, Ordering::Relaxed) & 0x7ff);
    Ipv4Addr::from_bits(0x7f80_0000 | process << 11 | number)
}

/// Where nobody listens.
pub fn refusing() -> SocketAddr {
    SocketAddr::from((loopback(), 9))
}

/// A listener whose backlog is full: it drops every further SYN while it lives.
pub struct Full {
    pub address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

/// Fills the backlog of a new listener.
pub fn full() -> Full {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
    listener.bind(&SocketAddr::from((loopback(), 0)).into()).expect("loopback has a free port");
    listener.listen(0).expect("it is bound");
    let address = listener.local_addr().expect("it is bound").as_socket().expect("it is inet");
    // The first one fits, however late it is: only behind it does silence mean that there is no room.
    let mut waiting = vec![client(address)];
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 16, "a backlog of 0 takes no 16 clients");
    }
    Full { address, _listener: listener, _waiting: waiting }
}

/// Leaves the file of a UNIX socket on which nobody listens. A program that another test is just starting holds what
/// this one had open until it is executed: for so long, somebody still does.
#[track_caller]
pub fn stale(path: &Path) {
    drop(UnixListener::bind(path).expect("the directory is ours"));
    eventually("nobody listens there", || UnixStream::connect(path).is_err());
}

/// Waits for `condition`, which is looked at every few milliseconds.
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < HARD_LIMIT, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A figure of /proc/PID/status, such as `VmHWM` in kB.
pub fn status(pid: u32, field: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Processor time of a process, user and system, in clock ticks. See proc(5).
pub fn ticks(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let fields: Vec<_> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().map(|n| n.parse::<u64>().expect("a number")).sum()
}
