%% The programs of bench/programs.mjs for Erlang/OTP: plain processes, and gen_server where a reply or a start is
%% awaited. (A plain spawn, which nobody awaits, is what fork-join-create and skynet measure.)
-module(troupe_peer).
-behaviour(gen_server).
-export([run/3, init/1, handle_call/3, handle_cast/2]).

-define(MESSAGE, {inc, 1, <<"abc">>}).
-define(RING, 503).
-define(BURST, 1000).
-define(SENDERS, 10).
-define(PRODUCERS, 8).
-define(PINGERS, 100).
-define(CREATURES, 100).

run(Program, Count, Mode) ->
    State = open(Program),
    troupe_rounds:answer(Count, Mode, #{
        pass => fun() -> pass(Program, State, Count) end,
        clear => fun(Result) -> clear(Program, Result) end,
        cpu => fun() -> element(1, erlang:statistics(runtime)) end,
        close => fun() -> ok end
    }).

%% What lives as long as the program.

open('ping-pong') ->
    Outside = self(),
    Left = spawn_link(fun() -> receive {join, Peer} -> player(Peer, Outside) end end),
    Right = spawn_link(fun() -> player(Left, Outside) end),
    Left ! {join, Right},
    Left;
open(counting) ->
    spawn_link(fun() -> counter(0) end);
open('fan-in') ->
    Sink = spawn_link(fun() -> sink(0, undefined) end),
    {Sink, [spawn_link(fun() -> sender(Sink) end) || _ <- lists:seq(1, ?SENDERS)]};
open('thread-ring') ->
    Outside = self(),
    Last = spawn_link(fun() -> receive {link, Next} -> member(Next, Outside) end end),
    First = lists:foldl(
        fun(_, Next) -> spawn_link(fun() -> member(Next, Outside) end) end, Last, lists:seq(2, ?RING)
    ),
    Last ! {link, First},
    First;
open(ask) ->
    {ok, Server} = gen_server:start_link(?MODULE, 0, []),
    Server;
open('bounded-buffer') ->
    {ok, Server} = gen_server:start_link(?MODULE, 0, []),
    Server;
open(big) ->
    Outside = self(),
    Pingers = [spawn_link(fun() -> pinger(Outside, undefined, Seed) end) || Seed <- lists:seq(1, ?PINGERS)],
    All = list_to_tuple(Pingers),
    [Pinger ! {everyone, All} || Pinger <- Pingers],
    Pingers;
open(_) ->
    none.

%% One pass of Count operations; it fails unless the work was done. What it returns is for clear/2.

pass('ping-pong', Left, Count) ->
    Left ! {hit, Count - 1, <<"abc">>},
    receive over -> ok end;
pass(counting, Counter, Count) ->
    burst(Counter, Count);
pass('fan-in', {Sink, Senders}, Count) ->
    Reference = make_ref(),
    Sink ! {expect, Count, self(), Reference},
    [Sender ! {send, Count div ?SENDERS} || Sender <- Senders],
    receive {Reference, Count} -> ok end;
pass('thread-ring', First, Count) ->
    First ! {pass, Count - 1, <<"abc">>},
    receive over -> ok end;
pass(ask, Server, Count) ->
    Before = gen_server:call(Server, total),
    Total = asks(Server, Count, Before),
    Total = Before + Count,
    ok;
pass(spawn, _, Count) ->
    Left = atomics:new(1, []),
    atomics:put(Left, 1, Count),
    Outside = self(),
    Newborns = newborns(Count, Left, Outside, []),
    receive over -> ok end,
    Newborns;
pass('fork-join-create', _, Count) ->
    Outside = self(),
    spawn_link(fun() ->
        fork(Count, self()),
        Outside ! {joined, join(Count, 0)}
    end),
    receive {joined, Count} -> ok end;
pass('bounded-buffer', Server, Count) ->
    Before = gen_server:call(Server, total),
    Outside = self(),
    Each = Count div ?PRODUCERS,
    [spawn_link(fun() -> asks(Server, Each, 0), Outside ! produced end) || _ <- lists:seq(1, ?PRODUCERS)],
    [receive produced -> ok end || _ <- lists:seq(1, ?PRODUCERS)],
    Total = gen_server:call(Server, total),
    Total = Before + Count,
    ok;
pass(big, Pingers, Count) ->
    [Pinger ! {go, Count div ?PINGERS} || Pinger <- Pingers],
    Count = lists:sum([receive {ponged, Pongs} -> Pongs end || _ <- Pingers]),
    ok;
pass(chameneos, _, Count) ->
    Outside = self(),
    Broker = spawn_link(fun() -> broker(Count, none, Outside) end),
    Colours = {blue, red, yellow},
    Creatures = [
        spawn_link(fun() -> creature(Broker, element(1 + Name rem 3, Colours), 0, Outside) end)
     || Name <- lists:seq(1, ?CREATURES)
    ],
    receive met -> ok end,
    [Creature ! finish || Creature <- Creatures],
    Double = lists:sum([receive {meetings, Meetings} -> Meetings end || _ <- Creatures]),
    Double = 2 * Count,
    Broker ! finish;
pass(skynet, _, Count) ->
    {Leaves, Count} = leaves(1, 1, Count),
    Outside = self(),
    spawn_link(fun() -> skynet(Outside, 0, Leaves) end),
    Sum = Leaves * (Leaves - 1) div 2,
    receive {sum, Sum} -> ok end;
pass(sieve, _, Count) ->
    Outside = self(),
    First = spawn_link(fun() -> filter_first(Outside) end),
    [First ! {number, Number, <<"abc">>} || Number <- lists:seq(2, Count + 1)],
    First ! {last, 0},
    Primes = length([N || N <- lists:seq(2, Count + 1), is_prime(N, 2)]),
    receive {primes, Primes} -> ok end.

clear(spawn, Newborns) ->
    [gen_server:cast(Newborn, stop) || Newborn <- Newborns];
clear(_, _) ->
    ok.

%% Ping-pong and thread ring: a message says how many are to follow.

player(Peer, Outside) ->
    receive
        {hit, 0, _} -> Outside ! over;
        {hit, Left, Id} -> Peer ! {hit, Left - 1, Id}
    end,
    player(Peer, Outside).

member(Next, Outside) ->
    receive
        {pass, 0, _} -> Outside ! over;
        {pass, Left, Id} -> Next ! {pass, Left - 1, Id}
    end,
    member(Next, Outside).

%% Counting and fan-in.

counter(Total) ->
    receive
        {inc, N, _} ->
            counter(Total + N);
        {total, From, Reference} ->
            From ! {Reference, Total},
            counter(0)
    end.

burst(_, 0) ->
    ok;
burst(Counter, Left) ->
    tell(Counter, ?BURST),
    Reference = make_ref(),
    Counter ! {total, self(), Reference},
    receive {Reference, ?BURST} -> ok end,
    burst(Counter, Left - ?BURST).

tell(_, 0) ->
    ok;
tell(To, Left) ->
    To ! ?MESSAGE,
    tell(To, Left - 1).

sink(Total, Expected) ->
    receive
        {inc, N, _} -> sink_next(Total + N, Expected);
        {expect, Count, From, Reference} -> sink_next(Total, {Count, From, Reference})
    end.

sink_next(Total, {Total, From, Reference}) ->
    From ! {Reference, Total},
    sink(0, undefined);
sink_next(Total, Expected) ->
    sink(Total, Expected).

%% A process may loop without harm to its neighbours, so it sends all at once: no turns here.
sender(Sink) ->
    receive {send, Count} -> tell(Sink, Count) end,
    sender(Sink).

%% Ask and bounded buffer: a call returns when the server took the message; default timeout of 5 s.

init(Total) -> {ok, Total}.

handle_call({inc, N, _}, _From, Total) -> {reply, Total + N, Total + N};
handle_call(total, _From, Total) -> {reply, Total, Total}.

handle_cast({inc, N, _}, {Total, Left, Outside}) ->
    case atomics:sub_get(Left, 1, N) of
        0 -> Outside ! over;
        _ -> ok
    end,
    {noreply, {Total + N, Left, Outside}};
handle_cast(stop, State) ->
    {stop, normal, State}.

asks(_, 0, Last) -> Last;
asks(Server, Left, _) -> asks(Server, Left - 1, gen_server:call(Server, ?MESSAGE)).

%% Spawn, fork and join.

newborns(0, _, _, All) ->
    All;
newborns(Count, Left, Outside, All) ->
    {ok, Newborn} = gen_server:start(?MODULE, {0, Left, Outside}, []),
    gen_server:cast(Newborn, ?MESSAGE),
    newborns(Count - 1, Left, Outside, [Newborn | All]).

fork(0, _) ->
    ok;
fork(Count, Parent) ->
    Child = spawn_link(fun() -> receive {work, N, From} -> From ! {report, N} end end),
    Child ! {work, 1, Parent},
    fork(Count - 1, Parent).

join(0, Total) -> Total;
join(Left, Total) -> receive {report, N} -> join(Left - 1, Total + N) end.

%% Big.

pinger(Outside, Everyone, Seed) ->
    receive
        {everyone, All} ->
            pinger(Outside, All, Seed);
        {go, Count} ->
            pinger(Outside, Everyone, ping(Everyone, Seed), Count, 0);
        {ping, From, Id} ->
            From ! {pong, Id},
            pinger(Outside, Everyone, Seed)
    end.

pinger(Outside, Everyone, Seed, Count, Count) ->
    Outside ! {ponged, Count},
    pinger(Outside, Everyone, Seed);
pinger(Outside, Everyone, Seed, Count, Pongs) ->
    receive
        {ping, From, Id} ->
            From ! {pong, Id},
            pinger(Outside, Everyone, Seed, Count, Pongs);
        {pong, _} when Pongs + 1 < Count ->
            pinger(Outside, Everyone, ping(Everyone, Seed), Count, Pongs + 1);
        {pong, _} ->
            pinger(Outside, Everyone, Seed, Count, Pongs + 1)
    end.

ping(Everyone, Seed) ->
    Next = (Seed * 1103 + 12345) band 16#ffff,
    element(1 + Next rem ?PINGERS, Everyone) ! {ping, self(), <<"abc">>},
    Next.

%% Chameneos.

broker(0, _, Outside) ->
    Outside ! met,
    broker_closed();
broker(Left, none, Outside) ->
    receive {meet, Creature, Colour} -> broker(Left, {Creature, Colour}, Outside) end;
broker(Left, {Other, OtherColour}, Outside) ->
    receive
        {meet, Creature, Colour} ->
            Other ! {met, Colour},
            Creature ! {met, OtherColour},
            broker(Left - 1, none, Outside)
    end.

broker_closed() ->
    receive
        finish -> ok;
        {meet, _, _} -> broker_closed()
    end.

creature(Broker, Colour, Meetings, Outside) ->
    Broker ! {meet, self(), Colour},
    creature_waits(Broker, Colour, Meetings, Outside).

creature_waits(Broker, Colour, Meetings, Outside) ->
    receive
        {met, Other} -> creature(Broker, complement(Colour, Other), Meetings + 1, Outside);
        finish -> Outside ! {meetings, Meetings}
    end.

complement(Same, Same) -> Same;
complement(One, Other) -> hd([blue, red, yellow] -- [One, Other]).

%% Skynet.

leaves(Leaves, Count, Count) -> {Leaves, Count};
leaves(Leaves, Sum, Count) when Sum < Count -> leaves(Leaves * 10, Sum + Leaves * 10, Count).

skynet(Parent, Number, 1) ->
    Parent ! {sum, Number};
skynet(Parent, First, Leaves) ->
    Self = self(),
    Share = Leaves div 10,
    [spawn_link(fun() -> skynet(Self, First + Index * Share, Share) end) || Index <- lists:seq(0, 9)],
    Parent ! {sum, lists:sum([receive {sum, Sum} -> Sum end || _ <- lists:seq(0, 9)])}.

%% Sieve. The mark {last, Primes} goes down the pipeline behind the numbers and counts.

filter_first(Outside) ->
    receive {number, Prime, _} -> filter(Prime, none, Outside) end.

filter(Prime, Next, Outside) ->
    receive
        {number, Number, _} when Number rem Prime =:= 0 ->
            filter(Prime, Next, Outside);
        {number, _, _} = Message ->
            To = case Next of
                none -> spawn_link(fun() -> filter_first(Outside) end);
                _ -> Next
            end,
            To ! Message,
            filter(Prime, To, Outside);
        {last, Primes} when Next =:= none ->
            Outside ! {primes, Primes + 1};
        {last, Primes} ->
            Next ! {last, Primes + 1}
    end.

is_prime(Number, Divisor) when Divisor * Divisor > Number -> true;
is_prime(Number, Divisor) when Number rem Divisor =:= 0 -> false;
is_prime(Number, Divisor) -> is_prime(Number, Divisor + 1).
