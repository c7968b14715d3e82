//! TLS on a listener: the certificate is read anew when its file changes, a broken new one leaves the old one in place. A slow
//! handshake holds up nobody else.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use stagewire_engine::env::Env;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK_MS: u64 = 10_000;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at once; who comes on top waits in the system's queue.
const AT_ONCE: usize = 256;

/// A certificate that can change while the server runs.
pub(crate) struct Tls {
    cert: PathBuf,
    key: PathBuf,
    now: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads both files.
    pub(crate) fn open(cert: &Path, key: &Path) -> anyhow::Result<Arc<Tls>> {
        let now = RwLock::new(read(cert, key)?);
        Ok(Arc::new(Tls {
            cert: cert.to_owned(),
            key: key.to_owned(),
            now,
        }))
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files until the server stops.
    pub(crate) async fn watch(self: Arc<Self>, env: Arc<dyn Env>) {
        let mut seen = self.changed_at();
        loop {
            env.sleep(LOOK_MS).await;
            let at = self.changed_at();
            if at == seen {
                continue;
            }
            seen = at;
            self.reload();
        }
    }

    /// Takes the files as they are now; what cannot be used leaves the old certificate in place.
    fn reload(&self) {
        match read(&self.cert, &self.key) {
            Ok(new) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = new;
                tracing::info!("the new certificate is in use");
            }
            Err(error) => {
                tracing::error!(
                    cause = format!("{error:#}"),
                    "the new certificate cannot be used; the old one stays"
                );
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.cert, &self.key].map(|path| fs::metadata(path).and_then(|m| m.modified()).ok())
    }
}

fn read(cert: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{} is no certificate chain in PEM", cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} is no private key in PEM", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the key do not belong together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A listener whose connections have shaken hands.
pub(crate) struct TlsListener {
    at: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    pub(crate) fn over(listener: TcpListener, tls: Arc<Tls>) -> io::Result<TlsListener> {
        let at = listener.local_addr()?;
        let (send, ready) = mpsc::channel(AT_ONCE);
        tokio::spawn(accept(listener, tls, send));
        Ok(TlsListener { at, ready })
    }
}

async fn accept(
    mut listener: TcpListener,
    tls: Arc<Tls>,
    send: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        // no more handshakes than there is room for what comes of them
        let Ok(room) = send.clone().reserve_owned().await else {
            return;
        };
        // errors of one connection are waited out there, as for a listener without TLS
        let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
        let acceptor = TlsAcceptor::from(tls.config());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => drop(room.send((stream, peer))),
                Ok(Err(error)) => tracing::debug!(cause = %error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            None => std::future::pending().await, // the server stops
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::ClientConfig;
    use rustls::RootCertStore;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    struct Made {
        cert: rcgen::Certificate,
        key: rcgen::KeyPair,
    }

    fn made() -> Made {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["wire.example.com".to_owned()];
        let params = rcgen::CertificateParams::new(names).expect("a name");
        let cert = params.self_signed(&key).expect("a certificate");
        Made { cert, key }
    }

    fn write(folder: &Path, made: &Made) {
        fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
        fs::write(folder.join("key.pem"), made.key.serialize_pem()).expect("written");
    }

    /// Whether a client that trusts only this certificate gets an answer.
    async fn answers(at: SocketAddr, made: &Made) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(at).await.expect("somebody listens");
        let name = "wire.example.com".try_into().expect("a name");
        let connector = TlsConnector::from(Arc::new(config));
        let Ok(mut stream) = connector.connect(name, stream).await else {
            return false;
        };
        let ask = b"GET / HTTP/1.1\r\nhost: wire.example.com\r\nconnection: close\r\n\r\n";
        stream.write_all(ask).await.expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer.starts_with(b"HTTP/1.1 200")
    }

    async fn serve(tls: &Arc<Tls>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let listener = TlsListener::over(listener, Arc::clone(tls)).expect("a listener");
        let at = axum::serve::Listener::local_addr(&listener).expect("an address");
        let router = axum::Router::new().route("/", axum::routing::get(|| async { "here" }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        at
    }

    #[tokio::test]
    async fn a_new_certificate_is_taken_and_a_broken_one_leaves_the_old_in_place() {
        let folder = std::env::temp_dir().join(format!("stagewire-tls-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (first, second) = (made(), made());
        write(&folder, &first);
        let tls = Tls::open(&folder.join("cert.pem"), &folder.join("key.pem")).expect("readable");
        let at = serve(&tls).await;
        assert!(answers(at, &first).await);
        fs::write(folder.join("cert.pem"), "no certificate").expect("written");
        tls.reload();
        assert!(answers(at, &first).await, "the old one stays");
        write(&folder, &second);
        tls.reload();
        assert!(answers(at, &second).await);
        assert!(!answers(at, &first).await, "the old one is out of use");
        fs::remove_dir_all(&folder).expect("removed");
    }

    #[tokio::test]
    async fn who_says_nothing_keeps_nobody_waiting() {
        let folder = std::env::temp_dir().join(format!("stagewire-mute-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let one = made();
        write(&folder, &one);
        let tls = Tls::open(&folder.join("cert.pem"), &folder.join("key.pem")).expect("readable");
        let at = serve(&tls).await;
        let mut mute = Vec::new();
        for _ in 0..20 {
            mute.push(TcpStream::connect(at).await.expect("somebody listens"));
        }
        assert!(answers(at, &one).await);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
