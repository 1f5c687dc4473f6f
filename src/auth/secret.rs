//! Secrets: passwords as Argon2id hashes, and device tokens as SHA-256 digests.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use ctutils::CtEq;
use sha2::{Digest, Sha256};

/// What is kept of a password: a PHC string of Argon2id.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest {
    hash: PasswordHash,
    params: Params,
}

/// The memory in which passwords are hashed: as large as the dearest hash needs, and used again and again
/// as long as there is one to be hashed.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

/// A secret that a device shows in the place of a password: 160 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

/// The shortest password, in bytes.
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest password, in bytes.
pub const LONGEST_PASSWORD: usize = 1024;

/// What a new hash costs: 7 MiB, five times over (the least memory that OWASP recommends, for small boards).
const COST: (u32, u32, u32) = (7168, 5, 1);
/// What a hash of the file may cost: memory in KiB, passes, lanes, and the product of memory and passes.
const DEAREST: (u32, u32, u32) = (65_536, 16, 4);
const MOST_WORK: u64 = 4 * 65_536;
/// The length of a hash, in bytes.
const OUTPUT: usize = 32;
/// How a token begins, so that it is known for one wherever it turns up.
const TOKEN: &str = "gk_";
/// Random bytes of a token, and of a salt.
const TOKEN_BYTES: usize = 20;
const SALT_BYTES: usize = 16;

impl PasswordDigest {
    /// Reads a PHC string, and refuses one that would take too much memory or time.
    pub fn parse(text: &str) -> Result<PasswordDigest, &'static str> {
        let hash = PasswordHash::new(text).map_err(|_| "the password is no PHC string")?;
        let version = hash.version.unwrap_or_default();
        if hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || version != u32::from(Version::V0x13) {
            return Err("the password is no hash of argon2id, version 19");
        }
        let params =
            Params::try_from(&hash).map_err(|_| "the hash of the password has no good parameters")?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let work = u64::from(memory) * u64::from(passes);
        if memory > DEAREST.0 || passes > DEAREST.1 || lanes > DEAREST.2 || work > MOST_WORK {
            return Err(
                "the hash of the password takes too much memory or time: at most m=65536, t=16 and p=4",
            );
        }
        match (&hash.salt, &hash.hash) {
            (Some(_), Some(_)) => Ok(PasswordDigest { hash, params }),
            _ => Err("the password has no salt or no hash"),
        }
    }

    /// Hashes a new password with a random salt.
    pub fn of(password: &[u8], scratch: &mut Scratch) -> io::Result<PasswordDigest> {
        let (memory, passes, lanes) = COST;
        let bad =
            |error: &dyn fmt::Display| io::Error::other(format!("the password can't be hashed: {error}"));
        let params = Params::new(memory, passes, lanes, Some(OUTPUT)).map_err(|e| bad(&e))?;
        let salt = Salt::new(&random::<SALT_BYTES>()?).map_err(|e| bad(&e))?;
        let mut output = [0; OUTPUT];
        hash(&params, password, &salt, &mut output, scratch).map_err(|e| bad(&e))?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(|e| bad(&e))?,
            salt: Some(salt),
            hash: Some(Output::new(&output).map_err(|e| bad(&e))?),
        };
        Ok(PasswordDigest { hash, params })
    }

    /// Whether it is that of this password.
    pub fn is_of(&self, password: &[u8], scratch: &mut Scratch) -> bool {
        let (Some(salt), Some(wanted)) = (&self.hash.salt, &self.hash.hash) else { return false };
        let mut output = [0; Output::MAX_LENGTH];
        let output = &mut output[..wanted.len()];
        let hashed = hash(&self.params, password, salt, output, scratch);
        hashed.is_ok() && output.ct_eq(wanted.as_bytes()).to_bool()
    }

    /// One that no password is known for, and that takes as much time as any other.
    pub fn of_nobody() -> PasswordDigest {
        const NOBODY: &str =
            "$argon2id$v=19$m=7168,t=5,p=1$bm9ib2R5IGF0IGFsbA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        // The same function shows that it is good, and a test that it stays so.
        PasswordDigest::parse(NOBODY).expect("a good PHC string")
    }

    /// How much work it takes to hash a password like this one.
    pub(super) fn work(&self) -> u64 {
        u64::from(self.params.m_cost()) * u64::from(self.params.t_cost())
    }
}

fn hash(
    params: &Params,
    password: &[u8],
    salt: &Salt,
    output: &mut [u8],
    scratch: &mut Scratch,
) -> argon2::Result<()> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let blocks = params.block_count();
    if scratch.0.len() < blocks {
        scratch.0.resize(blocks, Block::new());
    }
    argon2.hash_password_into_with_memory(password, salt, output, &mut scratch.0[..blocks])
}

#[cfg(test)]
impl Scratch {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Token {
    /// A new one.
    pub fn random() -> io::Result<Token> {
        Ok(Token(format!("{TOKEN}{}", hexadecimal(&random::<TOKEN_BYTES>()?))))
    }

    /// Whether a text has the form of a token, and so is none of a password.
    pub fn is_one(text: &[u8]) -> bool {
        let digits = text.strip_prefix(TOKEN.as_bytes());
        digits
            .is_some_and(|digits| digits.len() == 2 * TOKEN_BYTES && digits.iter().all(u8::is_ascii_hexdigit))
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TokenDigest {
    /// Of a token as it is shown.
    pub fn of(token: &[u8]) -> TokenDigest {
        TokenDigest(Sha256::digest(token).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<TokenDigest, &'static str> {
        const FORM: &str = "the digest of a token has 64 hexadecimal digits";
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(FORM);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| FORM)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| FORM)?;
        }
        Ok(TokenDigest(bytes))
    }

    /// Whether both are of the same token, in a time that says nothing about them.
    pub fn is(&self, other: &TokenDigest) -> bool {
        self.0.ct_eq(&other.0).to_bool()
    }
}

impl fmt::Display for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash.fmt(f)
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

// What is secret, or helps to guess it, is in no log.

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest")
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// From the kernel (random(4)).
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again() {
        let mut scratch = Scratch::default();
        let digest = PasswordDigest::of(b"correct horse", &mut scratch).expect("random bytes");
        let text = digest.to_string();
        assert!(text.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{text}");
        let read = PasswordDigest::parse(&text).expect("its own");
        assert!(read.is_of(b"correct horse", &mut scratch) && !read.is_of(b"correct horsf", &mut scratch));
        let other = PasswordDigest::of(b"correct horse", &mut scratch).expect("random bytes");
        assert!(other != digest, "salted");
    }

    /// From the tests of the reference implementation.
    #[test]
    fn hashes_of_other_programs_are_known() {
        let text = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let digest = PasswordDigest::parse(text).expect("good");
        assert!(digest.is_of(b"password", &mut Scratch::default()));
    }

    #[test]
    fn hashes_that_cost_too_much_are_refused() {
        let phc = |algorithm: &str, cost: &str| {
            format!("${algorithm}$v=19${cost}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
        };
        for (algorithm, cost, good) in [
            ("argon2id", "m=65536,t=4,p=1", true),
            ("argon2id", "m=65537,t=1,p=1", false),
            ("argon2id", "m=65536,t=5,p=1", false),
            ("argon2id", "m=64,t=17,p=1", false),
            ("argon2id", "m=64,t=1,p=5", false),
            ("argon2i", "m=64,t=1,p=1", false),
            ("argon2id", "t=1,p=1,m=x", false),
        ] {
            assert_eq!(PasswordDigest::parse(&phc(algorithm, cost)).is_ok(), good, "{algorithm} {cost}");
        }
        for text in [
            "",
            "secret",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAA",
        ] {
            assert!(PasswordDigest::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nobody_has_a_password() {
        assert!(!PasswordDigest::of_nobody().is_of(b"", &mut Scratch::default()));
    }

    #[test]
    fn tokens_are_long_random_and_known_again() {
        let [one, other] = [Token::random(), Token::random()].map(|token| token.expect("random bytes"));
        assert!(one != other && one.reveal().len() == 43);
        assert!(Token::is_one(one.reveal().as_bytes()) && !Token::is_one(b"gk_0123"));
        let digest = TokenDigest::of(one.reveal().as_bytes());
        let read = TokenDigest::parse(&digest.to_string()).expect("its own");
        assert!(read.is(&digest) && !read.is(&TokenDigest::of(other.reveal().as_bytes())));
        assert!(TokenDigest::parse("00").is_err() && TokenDigest::parse(&"g".repeat(64)).is_err());
        assert!(TokenDigest::parse(&"+1".repeat(32)).is_err());
    }

    #[test]
    fn nothing_secret_is_shown() {
        let token = Token::random().expect("random bytes");
        let digest = TokenDigest::of(token.reveal().as_bytes());
        let password = PasswordDigest::of(b"12345678", &mut Scratch::default()).expect("random bytes");
        assert_eq!(format!("{token:?} {digest:?} {password:?}"), "Token TokenDigest PasswordDigest");
    }
}
