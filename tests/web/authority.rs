//! Certificates of our own, made when the tests run.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};

/// One that signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate as PEM.
    pub pem: String,
}

/// A certificate and its key as PEM.
#[derive(Clone)]
pub struct Identity {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For a server at 127.0.0.1.
    pub fn server(&self) -> Identity {
        let names = [SanType::IpAddress([127, 0, 0, 1].into())];
        self.sign(params(&names, ExtendedKeyUsagePurpose::ServerAuth))
    }

    /// For a client of these names.
    pub fn client(&self, names: &[SanType]) -> Identity {
        self.sign(params(names, ExtendedKeyUsagePurpose::ClientAuth))
    }

    /// For a client, and past its time.
    pub fn expired_client(&self) -> Identity {
        let mut params = params(&[], ExtendedKeyUsagePurpose::ClientAuth);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { cert, key: key.serialize_pem() }
    }
}

/// A client's certificate that nobody has signed but itself, as `openssl req -x509` makes them.
pub fn self_signed_client(not_after_year: i32) -> Identity {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "self-signed");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(not_after_year, 1, 1);
    let key = KeyPair::generate().expect("a key");
    let cert = params.self_signed(&key).expect("a certificate").pem();
    Identity { cert, key: key.serialize_pem() }
}

fn params(names: &[SanType], usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test");
    params.subject_alt_names = names.to_vec();
    params.extended_key_usages = vec![usage];
    params
}

impl Identity {
    /// Writes `NAME.crt` and `NAME.key` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.crt")), &self.cert).expect("written");
        fs::write(folder.join(format!("{name}.key")), &self.key).expect("written");
    }
}
