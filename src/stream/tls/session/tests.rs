//! Two sessions against each other in memory: every cut, every schedule, and what a hostile peer may send.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, Error as Rustls, ServerConfig, ServerConnection,
    SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion, Tls12CipherSuite, Tls13CipherSuite, version,
};

use super::*;
use crate::stream::scripted::{Read, Scripted, Write};

/// For localhost, until 2120; its key is nobody's secret.
const PEM: &[u8] = include_bytes!("../../../../tests/tls/localhost.pem");

const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

/// Small, so that what comes does not fit in.
const CAPACITY: usize = 4096;

/// So many turns no exchange of these tests needs: more is a loop.
const TURNS: usize = 100_000;

/// The stream is under test here, not trust.
#[derive(Debug)]
struct Believer(rustls::crypto::WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Both configurations: made once a test, since resumption and keys live in them.
#[derive(Clone)]
struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Configs {
    fn of(version: &'static SupportedProtocolVersion) -> Self {
        Self::with(version, super::super::provider())
    }

    fn with(version: &'static SupportedProtocolVersion, provider: rustls::crypto::CryptoProvider) -> Self {
        let provider = Arc::new(provider);
        let believer = Arc::new(Believer(provider.signature_verification_algorithms));
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .expect("it is supported")
            .dangerous()
            .with_custom_certificate_verifier(believer)
            .with_no_client_auth();
        let chain = CertificateDer::pem_slice_iter(PEM).collect::<Result<_, _>>().expect("it is PEM");
        let key = PrivateKeyDer::from_pem_slice(PEM).expect("it is PEM");
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("it is supported")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they match");
        Configs { client: Arc::new(client), server: Arc::new(server) }
    }

    fn client(&self) -> Tls {
        let name = ServerName::try_from("localhost").expect("it is a name");
        let connection = ClientConnection::new(Arc::clone(&self.client), name).expect("the configuration is sound");
        Tls::over(nothing_yet(), Connection::Client(connection), CAPACITY)
    }

    fn server(&self) -> Tls {
        let connection = ServerConnection::new(Arc::clone(&self.server)).expect("the configuration is sound");
        Tls::over(nothing_yet(), Connection::Server(connection), CAPACITY)
    }

    /// A client and a server, in this order, after the handshake, tickets taken.
    fn connected(&self) -> (Tls, Tls) {
        let (mut client, mut server) = (self.client(), self.server());
        for _ in 0..4 {
            client.advance().expect("the server is sound");
            shuttle(&mut client, &mut server);
            server.advance().expect("the client is sound");
            shuttle(&mut server, &mut client);
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        assert_eq!(read(&mut client, 1), Err(io::ErrorKind::WouldBlock));
        (client, server)
    }
}

fn nothing_yet() -> Stream {
    Stream::Scripted(Scripted { open: true, ..Scripted::default() })
}

fn script(tls: &mut Tls) -> &mut Scripted {
    match tls.under_mut() {
        Stream::Scripted(script) => script,
        _ => unreachable!("made above"),
    }
}

/// What `tls` has sent since the last time.
fn sent(tls: &mut Tls) -> Vec<u8> {
    std::mem::take(&mut script(tls).taken)
}

fn give(tls: &mut Tls, bytes: Vec<u8>) {
    if !bytes.is_empty() {
        script(tls).reads.push_back(Read::Bytes(bytes));
    }
}

fn shuttle(from: &mut Tls, to: &mut Tls) {
    let bytes = sent(from);
    give(to, bytes);
}

fn read(tls: &mut Tls, most: usize) -> Result<Vec<u8>, io::ErrorKind> {
    let mut buffer = vec![0; most];
    let n = tls.read(&mut buffer).map_err(|e| e.kind())?;
    buffer.truncate(n);
    Ok(buffer)
}

/// One side that has something to say.
struct Party {
    tls: Tls,
    says: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    is_closed: bool,
    /// How its reads ended.
    end: Option<io::Result<()>>,
    failure: Option<io::Error>,
}

impl Party {
    fn new(tls: Tls, says: Vec<u8>) -> Self {
        Party { tls, says, said: 0, heard: Vec::new(), is_closed: false, end: None, failure: None }
    }

    /// Does all that can be done now, in pieces of `most` bytes.
    fn turn(&mut self, most: usize) {
        if let Err(e) = self.talk(most)
            && !is_nothing_yet(&e)
        {
            self.failure.get_or_insert(e);
        }
        while self.end.is_none() && self.failure.is_none() {
            let mut buffer = vec![0; most];
            match self.tls.read(&mut buffer) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(n) => self.heard.extend(&buffer[..n]),
                Err(e) if is_nothing_yet(&e) => {
                    assert!(!self.tls.has_more(), "there is nothing, and it says that there is more");
                    break;
                }
                Err(e) => self.end = Some(Err(e)),
            }
        }
    }

    fn talk(&mut self, most: usize) -> io::Result<()> {
        while !self.tls.is_handshaking() && self.said < self.says.len() {
            let end = self.says.len().min(self.said + most);
            let n = self.tls.write(&self.says[self.said..end])?;
            assert!(n > 0 && n <= end - self.said);
            self.said += n;
        }
        if !self.is_closed && self.said == self.says.len() && self.tls.advance()? {
            self.tls.close_write()?;
            self.is_closed = true;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || (self.is_closed && self.end.is_some())
    }

    fn expect_all(&self, wanted: &[u8]) {
        assert!(self.failure.is_none(), "{:?}", self.failure);
        assert!(matches!(self.end, Some(Ok(()))), "{:?}", self.end);
        assert!(self.heard == wanted, "{} bytes instead of {}", self.heard.len(), wanted.len());
        assert!(self.is_closed);
    }
}

/// How bytes get from one side to the other.
struct Way {
    bytes: VecDeque<u8>,
    pieces: Vec<usize>,
    at: usize,
    /// So many bytes arrive, then there is an end.
    left: usize,
}

impl Way {
    fn whole() -> Self {
        Self::pieces(vec![usize::MAX])
    }

    fn pieces(pieces: Vec<usize>) -> Self {
        Way { bytes: VecDeque::new(), pieces, at: 0, left: usize::MAX }
    }

    fn cut_after(left: usize) -> Self {
        Way { left, ..Self::whole() }
    }

    /// One piece of what `from` sent to `to`; its end once that has come.
    fn carry(&mut self, from: &mut Tls, to: &mut Tls) {
        self.bytes.extend(sent(from));
        let piece = self.pieces[self.at % self.pieces.len()];
        self.at += 1;
        let n = piece.min(self.bytes.len()).min(self.left);
        self.left -= n;
        let bytes: Vec<_> = self.bytes.drain(..n).collect();
        give(to, bytes);
        let is_ended = self.left == 0 || (script(from).closed && self.bytes.is_empty());
        script(to).open = !is_ended;
    }
}

/// Both sides take turns until both are done, or nothing can happen any more.
fn converse(one: &mut Party, other: &mut Party, there: &mut Way, back: &mut Way, most: usize) {
    for _ in 0..TURNS {
        one.turn(most);
        there.carry(&mut one.tls, &mut other.tls);
        other.turn(most);
        back.carry(&mut other.tls, &mut one.tls);
        if one.is_over() && other.is_over() {
            return;
        }
        if there.left == 0 && other.end.is_some() || back.left == 0 && one.end.is_some() {
            return;
        }
    }
    panic!("no end after {TURNS} turns");
}

#[test]
fn both_say_something_and_both_ends_arrive() {
    for version in VERSIONS {
        let configs = Configs::of(version);
        let mut client = Party::new(configs.client(), vec![b'c'; 100_000]);
        let mut server = Party::new(configs.server(), vec![b's'; 200_000]);
        converse(&mut client, &mut server, &mut Way::whole(), &mut Way::whole(), 70_000);
        client.expect_all(&server.says);
        server.expect_all(&client.says);
    }
}

#[test]
fn a_byte_at_a_time_is_enough() {
    for version in VERSIONS {
        let configs = Configs::of(version);
        let mut client = Party::new(configs.client(), b"from the client".to_vec());
        let mut server = Party::new(configs.server(), b"from the server".to_vec());
        converse(&mut client, &mut server, &mut Way::pieces(vec![1]), &mut Way::pieces(vec![1]), 1);
        client.expect_all(b"from the server");
        server.expect_all(b"from the client");
    }
}

/// How the side that hears came out of it when the other's bytes end after `left` of them.
fn cut(configs: &Configs, is_client: bool, left: usize) -> (Party, bool) {
    let mut client = Party::new(configs.client(), b"ask".to_vec());
    let mut server = Party::new(configs.server(), b"answer".to_vec());
    let (mut there, mut back) = (Way::whole(), Way::whole());
    if is_client {
        back = Way::cut_after(left);
    } else {
        there = Way::cut_after(left);
    }
    converse(&mut client, &mut server, &mut there, &mut back, 100);
    if is_client { (client, back.left > 0) } else { (server, there.left > 0) }
}

#[test]
fn cut_after_every_byte_it_is_an_error_and_what_came_is_kept() {
    for (version, is_client) in VERSIONS.into_iter().flat_map(|version| [(version, true), (version, false)]) {
        let configs = Configs::of(version);
        let text: &[u8] = if is_client { b"answer" } else { b"ask" };
        let mut left = 0;
        loop {
            let (heard, is_whole) = cut(&configs, is_client, left);
            if is_whole {
                heard.expect_all(text);
                break;
            }
            let all = format!("{version:?}, client {is_client}, cut after {left}: {:?} {:?}", heard.end, heard.failure);
            assert!(text.starts_with(&heard.heard), "{all}");
            match (&heard.end, &heard.failure) {
                // The last byte of all is that of close_notify.
                (Some(Ok(())), None) => assert_eq!(heard.heard, text, "{all}"),
                (Some(Err(e)), _) | (_, Some(e)) => assert!(Fault::within(e).is_some(), "{all}"),
                (None, None) => panic!("{all}"),
            }
            left += 1;
        }
        assert!(left > 300, "there was a handshake: {left}");
    }
}

#[test]
fn data_and_end_that_come_with_the_handshake_are_there_after_it() {
    for tls in VERSIONS {
        let configs = Configs::of(tls);
        let (mut client, mut server) = (configs.client(), configs.server());
        while !client.advance().expect("the server is sound") {
            shuttle(&mut client, &mut server);
            server.advance().expect("the client is sound");
            shuttle(&mut server, &mut client);
        }
        assert_eq!(client.write(b"all at once").expect("there is room"), 11);
        client.close_write().expect("there is room");
        shuttle(&mut client, &mut server);
        script(&mut server).open = false;
        assert!(server.advance().expect("nothing is wrong with it"), "{tls:?}");
        // In TLS 1.2 the server was done before.
        assert!(tls == &version::TLS12 || server.has_more(), "poll will never say so");
        assert_eq!(read(&mut server, 5), Ok(b"all a".to_vec()));
        assert!(server.has_more());
        assert_eq!(read(&mut server, 100), Ok(b"t once".to_vec()));
        assert!(server.has_more(), "the end is still to be told");
        assert_eq!(read(&mut server, 100), Ok(Vec::new()));
        assert!(!server.has_more());
    }
}

#[test]
fn the_end_is_told_although_no_fin_follows() {
    for version in VERSIONS {
        let (mut client, mut server) = Configs::of(version).connected();
        server.write(b"bye").expect("there is room");
        server.connection.send_close_notify();
        server.flush().expect("there is room");
        shuttle(&mut server, &mut client);
        // What comes behind it is nobody's.
        give(&mut client, b"rubbish".to_vec());
        assert_eq!(read(&mut client, 100), Ok(b"bye".to_vec()));
        assert!(client.has_more() && matches!(client.read_interest(), Readiness::Always));
        assert_eq!(read(&mut client, 100), Ok(Vec::new()));
        assert!(!client.has_more());
        assert_eq!(client.write(b"our turn").expect("our direction is open"), 8);
    }
}

#[test]
fn what_came_before_a_broken_record_is_given_first() {
    for version in VERSIONS {
        let (mut client, mut server) = Configs::of(version).connected();
        server.write(b"good").expect("there is room");
        let mut bytes = sent(&mut server);
        server.write(b"bad").expect("there is room");
        bytes.extend(sent(&mut server));
        *bytes.last_mut().expect("it is not empty") ^= 1;
        give(&mut client, bytes);
        assert_eq!(read(&mut client, 100), Ok(b"good".to_vec()));
        assert!(client.has_more());
        for _ in 0..3 {
            let error = client.read(&mut [0; 100]).expect_err("the record is broken");
            assert_eq!(Fault::within(&error), Some(&Fault::Protocol(Rustls::DecryptError)));
        }
        assert!(client.write(b"x").is_err());
        // The peer is told why.
        shuttle(&mut client, &mut server);
        let error = server.read(&mut [0; 100]).expect_err("there is an alert");
        let alert = Rustls::AlertReceived(rustls::AlertDescription::BadRecordMac);
        assert_eq!(Fault::within(&error), Some(&Fault::Protocol(alert)));
    }
}

#[test]
fn records_without_payload_cost_one_read_a_call() {
    let (mut client, mut server) = Configs::of(&version::TLS13).connected();
    for _ in 0..20 {
        server.connection.refresh_traffic_keys().expect("the handshake is over");
        server.flush().expect("there is room");
        shuttle(&mut server, &mut client);
    }
    for left in (0..20).rev() {
        assert_eq!(read(&mut client, 100), Err(io::ErrorKind::WouldBlock));
        assert_eq!(script(&mut client).reads.len(), left);
    }
}

#[test]
fn a_flood_of_key_updates_is_refused() {
    let (mut client, mut server) = Configs::of(&version::TLS13).connected();
    let error = (0..1000).find_map(|_| {
        server.connection.refresh_traffic_keys().expect("the handshake is over");
        server.flush().expect("there is room");
        shuttle(&mut server, &mut client);
        client.read(&mut [0; 100]).err().filter(|e| !is_nothing_yet(e))
    });
    assert!(Fault::within(&error.expect("rustls bounds them")).is_some());
}

#[test]
fn keys_are_renewed_while_our_output_is_blocked() {
    let (mut client, mut server) = Configs::of(&version::TLS13).connected();
    script(&mut client).writes.extend([Write::Take(10), Write::Block]);
    assert_eq!(client.write(b"half out").map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
    for round in 0..5 {
        server.connection.refresh_traffic_keys().expect("the handshake is over");
        server.write(format!("round {round}").as_bytes()).expect("there is room");
        shuttle(&mut server, &mut client);
        script(&mut client).writes.push_back(Write::Block);
        assert_eq!(read(&mut client, 100), Ok(format!("round {round}").into_bytes()));
    }
    script(&mut client).writes.clear();
    assert_eq!(client.write(b"half out, and more").expect("there is room"), 18);
    shuttle(&mut client, &mut server);
    assert_eq!(read(&mut server, 100), Ok(b"half out, and more".to_vec()));
}

#[test]
fn whoever_comes_back_with_fewer_bytes_is_told_of_those() {
    for version in VERSIONS {
        let (mut client, mut server) = Configs::of(version).connected();
        script(&mut client).writes.push_back(Write::Block);
        assert!(client.write(b"0123456789").is_err());
        let told: Vec<_> = (0..3).map(|_| client.write(b"012").expect("there is room")).collect();
        assert_eq!(told, [3, 3, 3]);
        assert_eq!(client.write(b"9ab").expect("there is room"), 3, "the last of them, and what is new");
        shuttle(&mut client, &mut server);
        assert_eq!(read(&mut server, 100), Ok(b"0123456789ab".to_vec()));
    }
}

#[test]
fn a_failure_behind_a_part_is_told_with_the_next_call() {
    let (mut client, _) = Configs::of(&version::TLS13).connected();
    // A record a call: this script knows no vectors.
    let takes = std::iter::repeat_n(Write::Take(usize::MAX), PIECE >> 14);
    script(&mut client).writes.extend(takes.chain([Write::Fail(io::ErrorKind::ConnectionReset)]));
    assert_eq!(client.write(&vec![0; 2 * PIECE]).expect("the first piece went"), PIECE);
    assert_eq!(client.write(&vec![0; PIECE]).map_err(|e| e.kind()), Err(io::ErrorKind::ConnectionReset));
}

/// The usual suites, whose keys are used up after so many records.
fn short_lived(records: u64) -> rustls::crypto::CryptoProvider {
    let mut provider = super::super::provider();
    for suite in &mut provider.cipher_suites {
        *suite = match suite {
            SupportedCipherSuite::Tls12(suite) => {
                let common = rustls::crypto::CipherSuiteCommon { confidentiality_limit: records, ..suite.common };
                SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite { common, ..**suite })))
            }
            SupportedCipherSuite::Tls13(suite) => {
                let common = rustls::crypto::CipherSuiteCommon { confidentiality_limit: records, ..suite.common };
                SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite { common, ..**suite })))
            }
        };
    }
    provider
}

#[test]
fn keys_that_are_used_up_are_renewed_or_said() {
    let (mut client, mut server) = Configs::with(&version::TLS13, short_lived(10)).connected();
    for n in 0..100 {
        let text = format!("message {n}");
        assert_eq!(client.write(text.as_bytes()).expect("there is room"), text.len());
        shuttle(&mut client, &mut server);
        assert_eq!(read(&mut server, 100), Ok(text.into_bytes()));
        server.write(b"seen").expect("there is room");
        shuttle(&mut server, &mut client);
        assert_eq!(read(&mut client, 100), Ok(b"seen".to_vec()));
    }
    let (mut client, mut server) = Configs::with(&version::TLS12, short_lived(30)).connected();
    let mut told = 0;
    let error = loop {
        match client.write(b"x") {
            Ok(n) => told += n,
            Err(e) => break e,
        }
        assert!(told < 20);
    };
    assert_eq!(Fault::within(&error), Some(&Fault::Protocol(Rustls::EncryptError)));
    shuttle(&mut client, &mut server);
    assert_eq!(read(&mut server, 100).map(|got| got.len()), Ok(told), "nothing is told as written that was not");
}

#[test]
fn why_a_peer_takes_nothing_is_read_before_it_is_said() {
    // A server of 1.2 alone for a client of 1.3 alone: the alert has come, and the socket takes nothing more.
    let (mut client, mut server) = (Configs::of(&version::TLS13).client(), Configs::of(&version::TLS12).server());
    client.advance().expect("there is room");
    shuttle(&mut client, &mut server);
    assert!(server.advance().is_err());
    shuttle(&mut server, &mut client);
    script(&mut client).open = false;
    let error = client.advance().expect_err("there is an alert");
    let alert = Rustls::AlertReceived(rustls::AlertDescription::ProtocolVersion);
    assert_eq!(Fault::within(&error), Some(&Fault::Protocol(alert)));
}

#[test]
fn whoever_has_ended_and_is_gone_misses_no_close_notify() {
    for (kind, is_lost) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::ConnectionReset, true)] {
        let (mut client, mut server) = Configs::of(&version::TLS13).connected();
        server.close_write().expect("there is room");
        shuttle(&mut server, &mut client);
        assert_eq!(read(&mut client, 100), Ok(Vec::new()));
        script(&mut client).writes.push_back(Write::Fail(kind));
        assert_eq!(client.close_write().is_err(), is_lost);
        assert_eq!((script(&mut client).closed, client.wants_flush()), (!is_lost, is_lost));
        // Of one that has not ended it is a failure like any other.
        let (mut client, _) = Configs::of(&version::TLS13).connected();
        script(&mut client).writes.push_back(Write::Fail(kind));
        assert!(client.close_write().is_err());
    }
}

#[test]
fn only_payload_counts_as_lost() {
    let mut meter = Meter::default();
    let step = |meter: &mut Meter, payload: usize, records: usize| {
        meter.encrypted(payload);
        meter.sent(records);
        meter.told();
    };
    meter.sent(500);
    assert_eq!(meter.payload_in(500), 0, "a handshake is no payload");
    step(&mut meter, 1000, 1022);
    assert_eq!([0, 1, 511, 1022, 1522].map(|queue| meter.payload_in(queue)), [0, 1, 500, 1000, 1000]);
    meter.sent(24);
    assert_eq!([24, 25, 1046].map(|queue| meter.payload_in(queue)), [0, 1, 1000], "nor is close_notify");
    meter.encrypted(100);
    meter.sent(60);
    assert_eq!(meter.payload_in(84), 0, "what is half out is still the caller's");
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![Just(0), 1usize..50, 1usize..5000, Just(100_000)], 1..20)
        .prop_filter("something moves", |pieces| pieces.iter().sum::<usize>() > 100)
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let write = prop_oneof![
        (1usize..40).prop_map(Write::Take),
        (1usize..20_000).prop_map(Write::Take),
        Just(Write::Block),
        Just(Write::Fail(io::ErrorKind::Interrupted)),
    ];
    prop::collection::vec(write, 0..100)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_schedule_delivers_everything(
        says in (0usize..150_000, 0usize..150_000),
        ways in (pieces(), pieces()),
        writes in (writes(), writes()),
        most in 1usize..100_000,
        is_13 in any::<bool>(),
    ) {
        let configs = Configs::of(VERSIONS[usize::from(is_13)]);
        let text = |len: usize| (0..len).map(|n| n.to_le_bytes()[n % 3]).collect::<Vec<_>>();
        let most = most.max(says.0.max(says.1) / 1000);
        let mut client = Party::new(configs.client(), text(says.0));
        let mut server = Party::new(configs.server(), text(says.1));
        script(&mut client.tls).writes.extend(writes.0);
        script(&mut server.tls).writes.extend(writes.1);
        converse(&mut client, &mut server, &mut Way::pieces(ways.0), &mut Way::pieces(ways.1), most);
        client.expect_all(&text(says.1));
        server.expect_all(&text(says.0));
    }
}
