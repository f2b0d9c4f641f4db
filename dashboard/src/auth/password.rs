//! Password hashing: argon2id with the library's parameters, a few at a time, off the threads
//! that answer requests.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Characters that a password must have at the least.
pub(crate) const CHARS_MIN: usize = 10;
/// Bytes of a password: hashing more would only cost time.
pub(crate) const BYTES_MAX: usize = 1_024;
/// Hashes at the same time: each takes 19 MiB.
const AT_ONCE_MAX: usize = 2;

/// Hashes and verifies.
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Passwords {
        Passwords { permits: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// The hash in PHC form; `None` when the machine can't (no memory, no randomness).
    pub(crate) async fn hash(&self, password: String) -> Option<String> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.as_bytes()).ok()?;
            Some(hash.to_string())
        })
        .await
    }

    /// Whether the password has this hash. Takes as long for a hash that is none, so that a
    /// stranger can't learn which names exist.
    pub(crate) async fn verify(&self, password: String, hash: String) -> bool {
        let result = self
            .run(move || {
                let argon2 = Argon2::default();
                match PasswordHash::new(&hash) {
                    Ok(hash) => Some(argon2.verify_password(password.as_bytes(), &hash).is_ok()),
                    Err(_) => {
                        drop(argon2.hash_password(password.as_bytes()));
                        Some(false)
                    }
                }
            })
            .await;
        result == Some(true)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        })
        .await
        .ok()?
    }
}
