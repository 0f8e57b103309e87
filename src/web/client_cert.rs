//! Clients' certificates.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

/// A policy for clients that may, or must, show a certificate.
#[derive(Debug)]
pub(super) struct ClientPolicy {
    /// Whether a client without a certificate is turned away.
    pub mandatory: bool,
    pub trust: Trust,
    /// Of these names a certificate must have one; `None`: any will do.
    pub allowed_names: Option<Vec<String>>,
    pub algorithms: WebPkiSupportedAlgorithms,
}

/// Which certificates are believed.
#[derive(Debug)]
pub(super) enum Trust {
    /// Any: all a client proves is that it has the key.
    Anyone,
    /// Those of these authorities, and their own.
    Authorities { verifier: Arc<dyn ClientCertVerifier>, own: Vec<CertificateDer<'static>> },
    /// None.
    Nobody,
}

impl ClientCertVerifier for ClientPolicy {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        match &self.trust {
            Trust::Authorities { verifier, .. } => verifier.root_hint_subjects(),
            Trust::Anyone | Trust::Nobody => &[],
        }
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match &self.trust {
            Trust::Anyone => {}
            // `openssl req -x509` makes authorities, which webpki does not take for clients.
            Trust::Authorities { own, .. } if own.contains(end_entity) => {
                usable(&parse(end_entity)?, now)?;
            }
            Trust::Authorities { verifier, .. } => {
                verifier.verify_client_cert(end_entity, intermediates, now)?;
            }
            Trust::Nobody => return Err(CertificateError::UnknownIssuer.into()),
        }
        match &self.allowed_names {
            Some(allowed) if !names(&parse(end_entity)?)?.iter().any(|n| allowed.contains(n)) => {
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            _ => Ok(ClientCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parse(der: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(bad_encoding)
}

fn bad_encoding(_: x509_cert::der::Error) -> Error {
    CertificateError::BadEncoding.into()
}

/// Whether a certificate that is trusted by itself may be used by a client now.
fn usable(certificate: &Certificate, now: UnixTime) -> Result<(), Error> {
    let tbs = certificate.tbs_certificate();
    let seconds = now.as_secs();
    if seconds < tbs.validity().not_before.to_unix_duration().as_secs() {
        return Err(CertificateError::NotValidYet.into());
    }
    if seconds > tbs.validity().not_after.to_unix_duration().as_secs() {
        return Err(CertificateError::Expired.into());
    }
    let usage: Option<(bool, ExtendedKeyUsage)> = tbs.get_extension().map_err(bad_encoding)?;
    let for_clients =
        |oid: &ObjectIdentifier| [ID_KP_CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE].contains(oid);
    match usage {
        Some((_, usage)) if !usage.0.iter().any(for_clients) => {
            Err(CertificateError::InvalidPurpose.into())
        }
        _ => Ok(()),
    }
}

/// Its alternative names: DNS names, mail addresses, IP addresses and URIs.
fn names(certificate: &Certificate) -> Result<Vec<String>, Error> {
    let names: Option<(bool, SubjectAltName)> =
        certificate.tbs_certificate().get_extension().map_err(bad_encoding)?;
    let names = names.map(|(_, names)| names.0).unwrap_or_default();
    Ok(names.iter().filter_map(name).collect())
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(text)
        | GeneralName::Rfc822Name(text)
        | GeneralName::UniformResourceIdentifier(text) => Some(text.as_str().to_owned()),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
