//! Files that hold a JWT, as the NATS tools write them.

/// The JWT in the text of a file: between its lines of dashes, if it has such, else all of it.
///
/// ```
/// use embus_auth::jwt::undecorated;
/// let file = "-----BEGIN NATS OPERATOR JWT-----\neyJ0.eyJ1.c2ln\n------END NATS OPERATOR JWT------\n\nand more\n";
/// assert_eq!(undecorated(file), "eyJ0.eyJ1.c2ln");
/// assert_eq!(undecorated("eyJ0.eyJ1.c2ln\n"), "eyJ0.eyJ1.c2ln");
/// ```
pub fn undecorated(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim).skip_while(|line| !line.starts_with("---"));
    match lines.nth(1) {
        Some(jwt) => jwt,
        None => text.trim(),
    }
}
