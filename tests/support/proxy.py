"""A TCP proxy on loopback that can delay, stall or cut what passes through it."""
import asyncio
import contextlib
import threading


class Proxy:
    """Forwards 127.0.0.1:port to a target. The switches act at once, on open connections too; any thread."""

    def __init__(self, target_port, port=0):
        self.target_port = target_port
        self.port = port
        self.delay = 0.0
        self.connections = 0
        self._open = None
        self._refusing = False
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        started = threading.Event()
        self._started = started
        self._thread.start()
        started.wait(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        self._open = asyncio.Event()
        self._open.set()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await self._stop.wait()
        self._open.set()
        self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader, writer):
        if self._refusing:
            writer.transport.abort()
            return
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        self._writers |= {writer, target_writer}
        await asyncio.gather(self._pump(reader, target_writer), self._pump(target_reader, writer))
        self._writers -= {writer, target_writer}

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()

    def _cut(self):
        for writer in self._writers:
            writer.transport.abort()

    def _call(self, function):
        self._loop.call_soon_threadsafe(function)

    def pause(self):
        """Connections stay open and nothing passes."""
        self._call(self._open.clear)

    def resume(self):
        self._call(self._open.set)

    def cut(self):
        """Resets every open connection; new ones are served."""
        self._call(self._cut)

    def refuse(self, refusing=True):
        """Resets open and new connections until told otherwise."""
        self._refusing = refusing
        if refusing:
            self.cut()

    def close(self):
        self._call(self._stop.set)
        self._thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
