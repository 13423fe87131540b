"""Tables of Python 2's standard library, for Python 2 programs alone."""

from __future__ import annotations

from tgcarry.legacy.table import Table

_HERE = "tgcarry.legacy.python2"

# Modules that only changed their names.
_RENAMED = {
    "BaseHTTPServer": ("http.server",),
    "ConfigParser": ("configparser",),
    "Cookie": ("http.cookies",),
    "HTMLParser": ("html.parser",),
    "Queue": ("queue",),
    "SimpleHTTPServer": ("http.server",),
    "SocketServer": ("socketserver",),
    "Tkinter": ("tkinter",),
    "UserDict": ("collections",),
    "__builtin__": ("builtins",),
    "anydbm": ("dbm",),
    "commands": ("subprocess",),
    "cookielib": ("http.cookiejar",),
    "copy_reg": ("copyreg",),
    "dummy_thread": ("_thread",),
    "htmlentitydefs": ("html.entities",),
    "httplib": ("http.client",),
    "repr": ("reprlib",),
    "thread": ("_thread",),
    "tkFileDialog": ("tkinter.filedialog",),
    "tkMessageBox": ("tkinter.messagebox",),
    "urlparse": ("urllib.parse",),
    "xmlrpclib": ("xmlrpc.client",),
}

_NAMES: dict[str, dict[str, str]] = {
    "ConfigParser": {"SafeConfigParser": "configparser:ConfigParser"},
    "thread": {"start_new": "_thread:start_new_thread"},
}

_ITERTOOLS = {
    "ifilter": "builtins:filter",
    "ifilterfalse": "itertools:filterfalse",
    "imap": "builtins:map",
    "izip": "builtins:zip",
    "izip_longest": "itertools:zip_longest",
}

_TYPES = {
    "BooleanType": "builtins:bool",
    "ClassType": "builtins:type",
    "DictType": "builtins:dict",
    "DictionaryType": "builtins:dict",
    "FloatType": "builtins:float",
    "InstanceType": "builtins:object",
    "IntType": "builtins:int",
    "ListType": "builtins:list",
    "LongType": "builtins:int",
    "NoneType": "types:NoneType",
    "ObjectType": "builtins:object",
    "StringType": "builtins:str",
    "StringTypes": f"{_HERE}.builtin_names:Unicode",
    "TupleType": "builtins:tuple",
    "TypeType": "builtins:type",
    "UnicodeType": "builtins:str",
}

_URLLIB = {
    "quote": "urllib.parse:quote",
    "quote_plus": "urllib.parse:quote_plus",
    "unquote": "urllib.parse:unquote",
    "unquote_plus": "urllib.parse:unquote_plus",
    "urlencode": "urllib.parse:urlencode",
    "urlopen": "urllib.request:urlopen",
    "urlretrieve": "urllib.request:urlretrieve",
    "urlcleanup": "urllib.request:urlcleanup",
    "URLopener": "urllib.request:URLopener",
}

_URLLIB2 = {
    "HTTPError": "urllib.error:HTTPError",
    "URLError": "urllib.error:URLError",
}

_OPERATOR = {
    "div": f"{_HERE}.division:divide",
    "isCallable": "builtins:callable",
    "sequenceIncludes": "operator:contains",
}

_STRING_IO = {"StringIO": f"{_HERE}.streams:string_io"}

TABLES = (
    *(Table(name, names=_NAMES.get(name, {}), fallback=real) for name, real in _RENAMED.items()),
    Table("cPickle", fallback=(f"{_HERE}.pickles",), aliases=("pickle",)),
    Table("cStringIO", names=_STRING_IO, aliases=("StringIO",)),
    Table("gzip", names={"open": f"{_HERE}.streams:gzip_open"}, fallback=("gzip",)),
    Table("itertools", names=_ITERTOOLS, fallback=("itertools",)),
    Table("md5", names={"md5": "hashlib:md5", "new": "hashlib:md5"}),
    Table("operator", names=_OPERATOR, fallback=("operator",)),
    Table(
        "os",
        names={"getcwdu": "os:getcwd"},
        fallback=("os",),
        missing={"popen3": "use subprocess", "spawnvp": "use subprocess"},
    ),
    Table("sets", names={"Set": "builtins:set", "ImmutableSet": "builtins:frozenset"}),
    Table("string", fallback=(f"{_HERE}.strings",)),
    Table(
        "sys",
        names={
            "maxint": "sys:maxsize",
            "setdefaultencoding": f"{_HERE}.streams:nothing",
        },
        fallback=("sys",),
    ),
    Table("types", names=_TYPES, fallback=("types",)),
    Table("urllib", names=_URLLIB, fallback=("urllib",)),
    Table("urllib2", names=_URLLIB2, fallback=("urllib.request", "urllib.parse")),
)
