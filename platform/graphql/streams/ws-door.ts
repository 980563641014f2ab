import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { GraphQLError, GraphQLObjectType, GraphQLSchema, GraphQLString, parse } from 'graphql';
import { type Context, makeServer } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { isResultStream } from '#platform/graphql/streams/result-stream';
import { tooMany } from '#platform/graphql/streams/stream-caps';
import type { StreamGate, StreamVisitor } from '#platform/graphql/streams/stream-gate';
import { readOperation, refused } from '#platform/graphql/streams/subscription-operation';
import { CLOSE, WsConnection } from '#platform/graphql/streams/ws-connection';
import { HttpError } from '#platform/http/answers';
import { type RequestContext, currentRequest, runInRequest } from '#platform/request-context';

const PROTOCOL = 'graphql-transport-ws';
/** Until a connection has said whose it is. */
const INIT_MS = 5_000;
/** Of one message: the largest filter with room to spare. */
const MESSAGE_BYTES = 512 * 1024;

interface Extra<Principal> {
  /** Of the upgrade: messages come outside it. */
  readonly request: RequestContext;
  readonly requestId: string;
  readonly clientAddress: string | undefined;
  readonly left: AbortController;
  readonly connection: WsConnection;
  visitor: StreamVisitor<Principal> | undefined;
  /** A ticket opens one stream. */
  streamsLeft: number;
  open: number;
}

type Params = Record<string, unknown>;

/** Subscriptions over WebSocket: the protocol graphql-transport-ws. */
export class WsDoor<Principal extends { readonly keyId: string }> {
  readonly #gate: StreamGate<Principal>;
  readonly #sockets: WebSocketServer;
  readonly #server: ReturnType<typeof makeServer<Params, Extra<Principal>>>;

  constructor(gate: StreamGate<Principal>) {
    this.#gate = gate;
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
    });
    this.#server = makeServer<Params, Extra<Principal>>({
      connectionInitWaitTimeout: INIT_MS,
      onConnect: (context) => runInRequest(context.extra.request, () => this.#connect(context)),
      onSubscribe: (context, _id, payload) =>
        runInRequest(context.extra.request, () => this.#subscribe(context, payload)),
      subscribe: ({ contextValue }) => contextValue as never,
    });
  }

  /** Takes a connection over. @throws HttpError before it has. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { total } = this.#gate.parts.caps.limits;
    if (this.#sockets.clients.size >= total) {
      throw new HttpError(503, 'TOO_MANY_REQUESTS', 'This process has as many connections as it takes.', 10);
    }
    const { visitor, isByTicket } = await this.#visitorOf(request);
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      this.#open(opened, new WsConnection(opened, socket), { visitor, isByTicket });
    });
  }

  /** Tells all clients to go elsewhere. */
  close(): void {
    for (const client of this.#sockets.clients) client.close(CLOSE.goingAway, 'This process stops');
    this.#sockets.close();
  }

  async #visitorOf(request: IncomingMessage) {
    const { requestId = '', clientAddress } = currentRequest() ?? {};
    const { keys } = this.#gate.parts;
    const { authorization } = request.headers;
    const ticket = new URL(request.url ?? '/', 'http://door').searchParams.get('ticket');
    const known = { requestId, clientAddress };
    const isByTicket = authorization === undefined && ticket !== null;
    if (authorization === undefined && ticket === null) return { visitor: undefined, isByTicket };
    const principal = await (isByTicket ? keys.redeem(ticket) : keys.authenticate(authorization));
    if (principal === null) throw new HttpError(401, 'UNAUTHENTICATED', 'This key or ticket is not good.');
    return { visitor: { principal, ...known }, isByTicket };
  }

  #open(
    socket: WebSocket,
    connection: WsConnection,
    {
      visitor,
      isByTicket,
    }: { readonly visitor: StreamVisitor<Principal> | undefined; readonly isByTicket: boolean },
  ): void {
    const request = currentRequest() ?? { requestId: '' };
    const { requestId, clientAddress } = request;
    const left = new AbortController();
    const extra: Extra<Principal> = {
      request,
      requestId,
      clientAddress,
      left,
      connection,
      visitor,
      streamsLeft: isByTicket ? 1 : Infinity,
      open: 0,
    };
    const onError = (error: unknown): void => {
      // Its client is gone in the middle of an answer.
      if (socket.readyState !== socket.OPEN) return;
      this.#gate.parts.log.error({ err: error, requestId }, 'a WebSocket broke');
      connection.close(1011, 'Something went wrong here');
    };
    const closed = this.#server.opened(
      {
        protocol: connection.protocol,
        send: (data) => connection.send(data),
        close: (code, reason) => connection.close(code, reason),
        onMessage: (hear) => connection.onMessage(hear, onError),
      },
      extra,
    );
    socket.on('error', onError);
    socket.once('close', (code, reason) => {
      left.abort();
      closed(code, reason.toString()).catch(onError);
    });
  }

  async #connect({ extra, connectionParams }: Context<Params, Extra<Principal>>): Promise<boolean> {
    if (extra.visitor !== undefined) return true;
    const { requestId, clientAddress, connection } = extra;
    try {
      const principal = await this.#gate.parts.keys.authenticate(authorizationIn(connectionParams));
      if (principal === null) {
        connection.close(CLOSE.unauthorized, 'Unauthorized');
        return false;
      }
      extra.visitor = { principal, requestId, clientAddress };
      return true;
    } catch (error) {
      this.#gate.parts.log.error({ err: error, requestId }, 'a key cannot be checked');
      connection.close(CLOSE.tryAgain, 'Try again later');
      return false;
    }
  }

  async #subscribe({ extra }: Context<Params, Extra<Principal>>, payload: unknown) {
    const { visitor } = extra;
    if (visitor === undefined) throw new Error('A subscription came before its key.');
    const { present, caps } = this.#gate.parts;
    const operation = readOperation(payload);
    if (operation === undefined) return [present(refused('This is no operation.'), visitor)];
    if (extra.open >= caps.limits.perConnection || extra.streamsLeft === 0) {
      const most = Math.min(caps.limits.perConnection, extra.streamsLeft === 0 ? 1 : Infinity);
      return [present(tooMany(`This connection may have ${most} streams.`), visitor)];
    }
    extra.open += 1;
    extra.streamsLeft -= 1;
    const onEnd = (): void => {
      extra.open -= 1;
    };
    const result = await this.#gate.open(operation, visitor, extra.left.signal, onEnd);
    if (!isResultStream(result)) return result.errors ?? [new GraphQLError('There is no stream.')];
    return { schema: CARRIER, document: CARRIED, contextValue: result };
  }
}

/** graphql-ws wants something to execute; the stream itself travels beside it. */
const CARRIER = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { stream: { type: GraphQLString } } }),
});
const CARRIED = parse('subscription { stream }');

/** `authorization` of connection_init, also among `headers`, as clients are used to send it. */
function authorizationIn(params: Params | undefined): string | undefined {
  const headers = params?.['headers'];
  const places = [params, typeof headers === 'object' && headers !== null ? headers : undefined];
  for (const place of places) {
    for (const [name, value] of Object.entries(place ?? {})) {
      if (name.toLowerCase() === 'authorization' && typeof value === 'string') return value;
    }
  }
  return undefined;
}
