//! HTTP servers that are scripted in Rust: they read whole requests, and answer what the test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use socket2::SockRef;

use super::wire::serve;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// On which connection, from 0 on.
    pub connection: usize,
    /// Request line and header lines, without the empty line.
    pub head: String,
    /// The body, chunks put together.
    pub body: Vec<u8>,
}

impl Request {
    /// Method and target.
    pub fn start(&self) -> &str {
        self.head.lines().next().and_then(|line| line.rsplit_once(' ')).map_or("", |(start, _)| start)
    }

    /// The value of a header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// One connection of a client.
pub struct Client {
    connection: usize,
    pub stream: TcpStream,
}

impl Client {
    /// The only connection of a server that is made elsewhere.
    pub fn new(stream: TcpStream) -> Self {
        Client { connection: 0, stream }
    }

    /// The next request with its whole body; `None` when the client has ended.
    pub fn request(&mut self) -> Option<Request> {
        let head = self.head()?;
        let mut request = Request { connection: self.connection, head, body: Vec::new() };
        if let Some(length) = request.field("content-length") {
            let length = length.parse().expect("sockkit sends numbers");
            request.body = self.exactly(length)?;
        } else if request.field("transfer-encoding").is_some() {
            request.body = self.chunks()?;
        }
        Some(request)
    }

    /// The next request's head alone.
    pub fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.exactly(1)?);
        }
        Some(String::from_utf8_lossy(&head[..head.len() - 4]).into_owned())
    }

    /// Sends `bytes`; a client that has gone is no failure of the test.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends a 200 with this body.
    pub fn answer(&mut self, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat());
    }

    /// Waits until the client has gone.
    pub fn until_gone(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }

    fn exactly(&mut self, n: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; n];
        self.stream.read_exact(&mut bytes).ok().map(|()| bytes)
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.extend(self.exactly(1)?);
            }
            let text = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(text.trim_end(), 16).expect("sockkit sends plain sizes");
            let mut chunk = self.exactly(size + 2)?;
            assert_eq!(chunk.split_off(size), b"\r\n");
            if size == 0 {
                return Some(body);
            }
            body.extend(chunk);
        }
    }
}

/// A server that gives each connection to `script`, on a thread of its own.
pub fn serving(script: impl Fn(Client) + Send + Sync + 'static) -> SocketAddr {
    serving_on(open(), script)
}

/// The same with a kernel that has little room for what `script` does not read: by itself it may take all of an upload.
pub fn cramped(script: impl Fn(Client) + Send + Sync + 'static) -> SocketAddr {
    let listener = open();
    SockRef::from(&listener).set_recv_buffer_size(64 * 1024).expect("each connection inherits it");
    serving_on(listener, script)
}

fn open() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free")
}

fn serving_on(listener: TcpListener, script: impl Fn(Client) + Send + Sync + 'static) -> SocketAddr {
    serve(listener, move |connection, stream| script(Client { connection, stream }))
}

/// A server that answers each request by `answer`, which may close the connection by giving `false`; and the requests.
pub fn answering(
    answer: impl Fn(&Request, &mut Client) -> bool + Send + Sync + 'static,
) -> (SocketAddr, Receiver<Request>) {
    answering_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer)
}

/// The same at this address, which nobody else may have.
pub fn answering_at(
    address: SocketAddr,
    answer: impl Fn(&Request, &mut Client) -> bool + Send + Sync + 'static,
) -> (SocketAddr, Receiver<Request>) {
    let (send, requests) = channel();
    let listener = TcpListener::bind(address).expect("the address is free");
    let address = serving_on(listener, move |mut client| {
        while let Some(request) = client.request() {
            let _ = send.send(request.clone());
            if !answer(&request, &mut client) {
                return;
            }
        }
    });
    (address, requests)
}
