//! A proxy that leads to servers of its own, whatever host is asked for.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answers of a host: its name, status, headers each ended by `\r\n`, and body.
pub type Host = (&'static str, &'static str, &'static str, &'static str);

/// A proxy, and hosts behind it whose certificates one authority signed.
pub struct Network {
    address: String,
    certificate: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Network {
    pub fn start(hosts: &[Host]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let hosts: Vec<_> = hosts.iter().map(|&host| (host, Arc::new(server_config(host.0, &issuer)))).collect();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = read_head(&mut stream);
                let known = hosts.iter().find(|((name, ..), _)| head.starts_with(&format!("CONNECT {name}:443 ")));
                let Some((host, config)) = known else {
                    let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
                    continue;
                };
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                // A client that does not trust the certificate goes away here.
                let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
                if read_head(&mut tls).starts_with("GET ") {
                    log.lock().unwrap().push(host.0.to_owned());
                    answer(&mut tls, host);
                }
            }
        });
        Self { address, certificate, asked }
    }

    /// As `HTTPS_PROXY` wants it.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Of the authority that signed those of the hosts, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The hosts that were asked for a file so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn server_config(host: &str, issuer: &Issuer<'_, KeyPair>) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

/// Byte by byte: what comes after the head is not ours.
fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn answer(tls: &mut StreamOwned<ServerConnection, TcpStream>, &(_, status, headers, body): &Host) {
    let length = body.len();
    let _ = write!(tls, "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    tls.conn.send_close_notify();
    let _ = tls.flush();
}
