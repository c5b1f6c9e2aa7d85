%% The programs of bench/link-programs.mjs over Erlang distribution: this node sends, another process of the machine is
%% the node that receives. No epmd: the one listens on the loopback port that it is given, the other does not listen.
-module(troupe_link).
-behaviour(gen_server).
-export([run/5, counter/3, cpu/0, init/1, handle_call/3, handle_cast/2]).

-define(DEPTH, 64).

run(Program, Count, Mode, Port, Folder) ->
    {Peer, Node} = receiver(Port, Folder),
    troupe_rounds:answer(Count, Mode, #{
        pass => pass(Program, Count, Node),
        clear => fun(_) -> ok end,
        cpu => fun() -> cpu() + erpc:call(Node, ?MODULE, cpu, []) end,
        close => fun() -> peer:stop(Peer) end
    }).

%% It ends with this node, whose pipe it reads. Its cookie is in the environment, where ps does not show it.
receiver(Port, Folder) ->
    {ok, Peer, Node} = peer:start_link(#{
        name => troupe_receiver,
        host => "127.0.0.1",
        longnames => true,
        connection => standard_io,
        args => [
            "-start_epmd", "false",
            "-erl_epmd_port", integer_to_list(Port),
            "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
            "-pa", Folder
        ]
    }),
    true = net_kernel:connect_node(Node),
    {Peer, Node}.

cpu() ->
    {Ms, _} = erlang:statistics(runtime),
    Ms.

%% One way: numbered from 1 in each pass, counted by a plain process.

pass('one-way', Count, Node) ->
    Counter = spawn_link(Node, ?MODULE, counter, [0, 0, 0]),
    Sum = Count * (Count + 1) div 2,
    fun() ->
        tell(Counter, 1, Count),
        Reference = make_ref(),
        Counter ! {tally, self(), Reference},
        receive {Reference, Found} -> {Count, Sum} = Found end
    end;
pass(requests, Count, Node) ->
    {ok, Server} = erpc:call(Node, gen_server, start, [?MODULE, 0, []]),
    fun() ->
        Before = gen_server:call(Server, total),
        Outside = self(),
        [spawn_link(fun() -> asks(Server, Count div ?DEPTH), Outside ! asked end) || _ <- lists:seq(1, ?DEPTH)],
        [receive asked -> ok end || _ <- lists:seq(1, ?DEPTH)],
        Total = gen_server:call(Server, total),
        Total = Before + Count
    end.

tell(_, N, Count) when N > Count ->
    ok;
tell(To, N, Count) ->
    To ! {inc, N, <<"abc">>},
    tell(To, N + 1, Count).

%% What comes out of order ends it, and with it the contestant.
counter(Count, Sum, Last) ->
    receive
        {inc, N, _} ->
            N = Last + 1,
            counter(Count + 1, Sum + N, N);
        {tally, From, Reference} ->
            From ! {Reference, {Count, Sum}},
            counter(0, 0, 0)
    end.

%% Requests: a call returns when the reply is there; default timeout of 5 s.

asks(_, 0) ->
    ok;
asks(Server, Left) ->
    gen_server:call(Server, {inc, 1, <<"abc">>}),
    asks(Server, Left - 1).

init(Total) -> {ok, Total}.

handle_call({inc, N, _}, _From, Total) -> {reply, Total + N, Total + N};
handle_call(total, _From, Total) -> {reply, Total, Total}.

handle_cast(_, Total) -> {noreply, Total}.
