//! The secret of this dashboard: it signs sessions and forms. It is made at the first start and
//! kept in a file that only its owner can read, so that sessions survive a restart.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const NAME: &str = "dashboard-sessions";

/// 256 random bits.
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    /// Only in memory: what it signs ends with the process.
    pub(crate) fn random() -> Secret {
        Secret(rand::random())
    }

    /// The one in the folder; made if there is none.
    pub(crate) fn in_folder(folder: &Path) -> io::Result<Secret> {
        let path = folder.join(NAME);
        std::fs::create_dir_all(folder)?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let secret = Secret::random();
                file.write_all(hex::encode(secret.0).as_bytes())?;
                file.sync_all()?;
                Ok(secret)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Secret::read(&path),
            Err(error) => Err(error),
        }
    }

    fn read(path: &Path) -> io::Result<Secret> {
        let mut text = String::new();
        std::fs::File::open(path)?.take(100).read_to_string(&mut text)?;
        let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let wrong = || {
            let text =
                format!("{} is damaged: remove it, and everybody signs in anew", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        bytes.map(Secret).ok_or_else(wrong)
    }

    /// The signature of a text for one purpose, hexadecimal.
    pub(crate) fn sign(&self, purpose: &str, text: &str) -> String {
        hex::encode(self.mac(purpose, text).finalize().into_bytes())
    }

    /// Whether a signature is that of the text, in constant time.
    pub(crate) fn verifies(&self, purpose: &str, text: &str, signature: &str) -> bool {
        hex::decode(signature)
            .is_ok_and(|bytes| self.mac(purpose, text).verify_slice(&bytes).is_ok())
    }

    fn mac(&self, purpose: &str, text: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        // The length in front keeps purpose and text apart.
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(text.as_bytes());
        mac
    }
}

/// 256 random bits as text.
pub(crate) fn random_text() -> String {
    hex::encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_private_kept_and_refused_when_damaged() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = Secret::in_folder(folder.path()).unwrap();
        let again = Secret::in_folder(folder.path()).unwrap();
        assert!(again.verifies("a", "text", &first.sign("a", "text")));
        assert!(!again.verifies("b", "text", &first.sign("a", "text")));
        assert!(!again.verifies("a", "text", "") && !again.verifies("a", "text", "é0"));
        let path = folder.path().join(NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "short").unwrap();
        assert!(Secret::in_folder(folder.path()).is_err());
    }
}
