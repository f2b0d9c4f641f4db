//! The seam to `libchdb.so`: ClickHouse as a C library. The only module with unsafe code.
//!
//! Facts that the safe types here rely on (from the library's header and source):
//! - a connection may be used from any thread, by one call at a time: [`Connection`] is `Send`
//!   and every call takes `&mut self`;
//! - texts are passed with their length and copied before the call returns;
//! - a result owns its buffer until it is destroyed, which may happen in any thread;
//! - an open stream belongs to its connection, which accepts nothing else meanwhile: a stream
//!   borrows its connection mutably;
//! - closing the last connection shuts the engine down.
//!
//! The library is never unloaded: its threads outlive any moment at which that would be safe.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;
use std::ptr::NonNull;

use super::EngineError;

/// `chdb_connection *`: the library wants the pointer to close, and what it points to to query.
type ConnectionHandle = *mut *mut c_void;
type ResultHandle = *mut c_void;
type InsertHandle = *mut c_void;

type QueryFn = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const *const c_char,
    *const usize,
    *const *const c_char,
    *const usize,
    usize,
) -> ResultHandle;
type ResultFn<T> = unsafe extern "C" fn(ResultHandle) -> T;

/// The functions of the library that are used.
pub(crate) struct Library {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> ConnectionHandle,
    close: unsafe extern "C" fn(ConnectionHandle),
    query: QueryFn,
    stream: QueryFn,
    stream_fetch: unsafe extern "C" fn(*mut c_void, ResultHandle) -> ResultHandle,
    stream_cancel: unsafe extern "C" fn(*mut c_void, ResultHandle),
    insert: QueryFn,
    insert_append: unsafe extern "C" fn(InsertHandle, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(InsertHandle) -> ResultHandle,
    insert_error: unsafe extern "C" fn(InsertHandle) -> *const c_char,
    insert_destroy: unsafe extern "C" fn(InsertHandle),
    destroy: ResultFn<()>,
    error: ResultFn<*const c_char>,
    buffer: ResultFn<*const u8>,
    length: ResultFn<usize>,
    rows_read: ResultFn<u64>,
    storage_rows_read: ResultFn<u64>,
    storage_bytes_read: ResultFn<u64>,
    rows_written: ResultFn<u64>,
    bytes_written: ResultFn<u64>,
}

impl Library {
    /// Loads the library and turns its signal handlers off.
    pub(crate) fn load(path: &Path) -> Result<&'static Library, EngineError> {
        let failed = |error: libloading::Error| EngineError::Library {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        // SAFETY: the library's initialisers have no requirements but to run once; it is leaked
        // below, so that it is never unloaded.
        let library =
            Box::leak(Box::new(unsafe { libloading::Library::new(path) }.map_err(failed)?));
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the signature is the one of the library's header (26.7), and the
                // library stays loaded.
                *unsafe { library.get(concat!($name, "\0").as_bytes()) }.map_err(failed)?
            };
        }
        let signal_handlers: unsafe extern "C" fn(c_int) =
            symbol!("chdb_set_signal_handlers_enabled");
        // SAFETY: takes a flag; called before the first connection, as the header asks.
        unsafe { signal_handlers(0) };
        Ok(Box::leak(Box::new(Library {
            connect: symbol!("chdb_connect"),
            close: symbol!("chdb_close_conn"),
            query: symbol!("chdb_query_with_params_n"),
            stream: symbol!("chdb_stream_query_with_params_n"),
            stream_fetch: symbol!("chdb_stream_fetch_result"),
            stream_cancel: symbol!("chdb_stream_cancel_query"),
            insert: symbol!("chdb_stream_insert_with_params_n"),
            insert_append: symbol!("chdb_stream_append"),
            insert_done: symbol!("chdb_stream_done"),
            insert_error: symbol!("chdb_stream_insert_error"),
            insert_destroy: symbol!("chdb_destroy_insert_stream"),
            destroy: symbol!("chdb_destroy_query_result"),
            error: symbol!("chdb_result_error"),
            buffer: symbol!("chdb_result_buffer"),
            length: symbol!("chdb_result_length"),
            rows_read: symbol!("chdb_result_rows_read"),
            storage_rows_read: symbol!("chdb_result_storage_rows_read"),
            storage_bytes_read: symbol!("chdb_result_storage_bytes_read"),
            rows_written: symbol!("chdb_result_rows_written"),
            bytes_written: symbol!("chdb_result_bytes_written"),
        })))
    }

    /// Opens a connection; `None` when the library refuses (it says why only in its log). The
    /// first connection starts the engine with these arguments.
    pub(crate) fn connect(&'static self, arguments: &[String]) -> Option<Connection> {
        let texts: Vec<CString> = std::iter::once("footfall-engine")
            .chain(arguments.iter().map(String::as_str))
            .map(|text| CString::new(text).ok())
            .collect::<Option<_>>()?;
        let mut pointers: Vec<*mut c_char> =
            texts.iter().map(|text| text.as_ptr().cast_mut()).collect();
        // SAFETY: `pointers` holds as many valid C strings as announced; the library reads them
        // during the call only and does not write to them.
        let handle = unsafe { (self.connect)(pointers.len() as c_int, pointers.as_mut_ptr()) };
        Some(Connection { library: self, handle: NonNull::new(handle)? })
    }
}

/// A text and its parameters in the form that the library takes.
struct Call<'a> {
    sql: &'a str,
    format: &'a str,
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
}

impl<'a> Call<'a> {
    fn new(sql: &'a str, format: &'a str, params: &'a [(String, String)]) -> Call<'a> {
        Call {
            sql,
            format,
            names: params.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: params.iter().map(|(name, _)| name.len()).collect(),
            values: params.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: params.iter().map(|(_, value)| value.len()).collect(),
        }
    }

    fn run(&self, function: QueryFn, connection: *mut c_void) -> *mut c_void {
        // SAFETY: every pointer comes with its length, the four arrays have as many elements as
        // announced, all outlive the call, and the connection is open (held by its owner).
        unsafe {
            function(
                connection,
                self.sql.as_ptr().cast(),
                self.sql.len(),
                self.format.as_ptr().cast(),
                self.format.len(),
                self.names.as_ptr(),
                self.name_lengths.as_ptr(),
                self.values.as_ptr(),
                self.value_lengths.as_ptr(),
                self.names.len(),
            )
        }
    }
}

/// An open connection. Dropping it closes it.
pub(crate) struct Connection {
    library: &'static Library,
    handle: NonNull<*mut c_void>,
}

// SAFETY: the library allows calls from any thread, one at a time; `&mut self` sees to the latter.
unsafe impl Send for Connection {}

impl Connection {
    fn raw(&self) -> *mut c_void {
        // SAFETY: the handle points to the connection until it is closed in `drop`.
        unsafe { *self.handle.as_ptr() }
    }

    /// Runs a statement to its end.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        format: &str,
        params: &[(String, String)],
    ) -> Result<Answer, String> {
        let result = Call::new(sql, format, params).run(self.library.query, self.raw());
        Answer { library: self.library, result }.or_error()
    }

    /// Starts a query whose result comes in pieces, each a whole document of the format.
    pub(crate) fn stream(
        &mut self,
        sql: &str,
        format: &str,
        params: &[(String, String)],
    ) -> Result<Stream<'_>, String> {
        let result = Call::new(sql, format, params).run(self.library.stream, self.raw());
        let answer = Answer { library: self.library, result }.or_error()?;
        Ok(Stream { connection: self, answer, ended: false })
    }

    /// Starts an INSERT whose data follows in pieces. `sql` has no FORMAT clause.
    pub(crate) fn insert(
        &mut self,
        sql: &str,
        format: &str,
        params: &[(String, String)],
    ) -> Result<InsertStream<'_>, String> {
        let handle = Call::new(sql, format, params).run(self.library.insert, self.raw());
        let stream = InsertStream { connection: self, handle };
        match stream.error() {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `connect`, closed once, and no stream is left: they borrow `self`.
        unsafe { (self.library.close)(self.handle.as_ptr()) };
    }
}

/// A result, or a piece of one. Dropping it frees it.
pub(crate) struct Answer {
    library: &'static Library,
    result: ResultHandle,
}

// SAFETY: a result is plain memory of the library's heap; nothing in it belongs to a thread. It
// is not changed after it was made, so shared reads are fine too.
unsafe impl Send for Answer {}
// SAFETY: as above.
unsafe impl Sync for Answer {}

impl Answer {
    fn or_error(self) -> Result<Answer, String> {
        if self.result.is_null() {
            return Err("the engine gave no answer".to_owned());
        }
        // SAFETY: the result is not null and not destroyed before `self` is.
        let text = unsafe { (self.library.error)(self.result) };
        match to_text(text) {
            Some(text) => Err(text),
            None => Ok(self),
        }
    }

    fn number(&self, function: ResultFn<u64>) -> u64 {
        // SAFETY: as in `or_error`.
        unsafe { function(self.result) }
    }

    /// Rows of the result.
    pub(crate) fn rows(&self) -> u64 {
        self.number(self.library.rows_read)
    }

    /// Rows and bytes read from tables.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.number(self.library.storage_rows_read), self.number(self.library.storage_bytes_read))
    }

    /// Rows and bytes written to tables.
    pub(crate) fn written(&self) -> (u64, u64) {
        (self.number(self.library.rows_written), self.number(self.library.bytes_written))
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the result is not null (checked when it was made) and owns its buffer of this
        // length until it is destroyed, which `self` does on drop.
        unsafe {
            let (buffer, length) =
                ((self.library.buffer)(self.result), (self.library.length)(self.result));
            if buffer.is_null() { &[] } else { std::slice::from_raw_parts(buffer, length) }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: destroyed once; the library accepts null.
        unsafe { (self.library.destroy)(self.result) };
    }
}

/// A query whose result comes in pieces. Dropping it cancels what is left.
pub(crate) struct Stream<'a> {
    connection: &'a mut Connection,
    answer: Answer,
    ended: bool,
}

impl Stream<'_> {
    /// The next piece; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, String> {
        let library = self.connection.library;
        // SAFETY: connection and stream are alive, and no other call uses the connection.
        let result = unsafe { (library.stream_fetch)(self.connection.raw(), self.answer.result) };
        let piece = Answer { library, result }.or_error();
        let ended = match &piece {
            Ok(piece) => piece.as_ref().is_empty(),
            Err(_) => true,
        };
        self.ended |= ended;
        piece.map(|piece| (!ended).then_some(piece))
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let library = self.connection.library;
            // SAFETY: as in `next`; the stream's result is destroyed after this, by its owner.
            unsafe { (library.stream_cancel)(self.connection.raw(), self.answer.result) };
        }
    }
}

/// An INSERT that takes its data in pieces. Dropping it before [`InsertStream::done`] cancels it.
pub(crate) struct InsertStream<'a> {
    connection: &'a mut Connection,
    handle: InsertHandle,
}

impl InsertStream<'_> {
    fn error(&self) -> Option<String> {
        // SAFETY: the handle is alive until drop; the text is copied at once.
        to_text(unsafe { (self.connection.library.insert_error)(self.handle) })
    }

    /// Hands over a piece of the data. Blocks while the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), String> {
        let library = self.connection.library;
        // SAFETY: the handle is alive; the data is copied during the call.
        let state =
            unsafe { (library.insert_append)(self.handle, data.as_ptr().cast(), data.len()) };
        match state {
            0 => Ok(()),
            _ => Err(self.error().unwrap_or_else(|| "the insert failed".to_owned())),
        }
    }

    /// Ends the data and waits until it is stored.
    pub(crate) fn done(self) -> Result<Answer, String> {
        let library = self.connection.library;
        // SAFETY: the handle is alive and was not finished before: `self` is consumed.
        let result = unsafe { (library.insert_done)(self.handle) };
        Answer { library, result }.or_error()
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: destroyed once; the library cancels what was not finished.
        unsafe { (self.connection.library.insert_destroy)(self.handle) };
    }
}

fn to_text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the library gives null or a C string that lives until its owner is destroyed; it is
    // copied here.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
