"""What may go wrong in the embedded stack, as one tree.

    DevstackError
    ├── JarsError          the broker's jars could not be fetched or are damaged
    ├── SdkError           packages of sdk/ could not be installed, or the browser script not built
    ├── GoToolsError       a program of Go could not be built, or it refused what it was given
    ├── SchemasError       schemas of Kubernetes' resources or of Compose could not be fetched
    ├── ImagesError        an image could not be built, or what runs in it did not start
    ├── PortsInUse         somebody else listens where the stack wants to
    ├── StartFailed        a process or a one-shot job did not get ready
    ├── AlreadyRunning     a stack runs in this checkout, or uses the same data
    ├── NotRunning         no stack runs in this checkout
    ├── BadOption          an argument or a setting makes no sense
    └── DemoFailed         the recorded day was refused or did not come back

Each text says what, where and what to do, and is shown to the person as it is.
"""


class DevstackError(Exception):
    """Anything that ends a command with a message instead of a traceback."""


class JarsError(DevstackError):
    """The broker's jars could not be fetched or are damaged."""


class SdkError(DevstackError):
    """Packages of `sdk/` could not be installed, or the browser script could not be built."""


class GoToolsError(DevstackError):
    """A program of Go could not be built, or it refused what it was given."""


class SchemasError(DevstackError):
    """Schemas of Kubernetes' resources or of Compose could not be fetched, or are not those that were locked."""


class ImagesError(DevstackError):
    """An image could not be built, or what runs in it did not start."""


class PortsInUse(DevstackError):
    """At least one address of the stack is taken."""


class StartFailed(DevstackError):
    """A process or a one-shot job did not get ready."""


class AlreadyRunning(DevstackError):
    """A stack runs in this checkout already, or one of another checkout uses the same data."""


class NotRunning(DevstackError):
    """No stack runs in this checkout."""


class BadOption(DevstackError):
    """An argument or a setting of the environment makes no sense."""


class DemoFailed(DevstackError):
    """The recorded day was refused, or the query API never counted all of it."""
