%% How an Erlang contestant answers: each line on standard input asks for a round, answered by a JSON line, as in
%% bench/rounds.mjs. The time is taken inside the VM.
-module(troupe_rounds).
-export([answer/3]).

-define(ROUND_NS, 250000000).

%% Pass does Count operations and fails unless the work was done; clear gets its result, untimed; cpu tells ms of CPU;
%% close ends what the work needed.
answer(Count, Mode, #{close := Close} = Work) ->
    rounds(Count, Mode, Work),
    Close(),
    io:format("{\"closed\":true}~n"),
    halt(0).

rounds(Count, Mode, Work) ->
    case io:get_line("") of
        eof ->
            ok;
        _Line ->
            {Operations, Ns, CpuMs} = round(Count, Mode, Work, {0, 0, 0}),
            io:format("{\"operations\":~b,\"ns\":~b,\"cpuNs\":~b}~n", [Operations, Ns, CpuMs * 1000000]),
            rounds(Count, Mode, Work)
    end.

round(Count, Mode, #{pass := Pass, clear := Clear, cpu := Cpu} = Work, {Operations, Ns, CpuMs}) ->
    CpuBefore = Cpu(),
    Began = erlang:monotonic_time(nanosecond),
    Result = Pass(),
    Took = Ns + erlang:monotonic_time(nanosecond) - Began,
    CpuAfter = Cpu(),
    Clear(Result),
    Sum = {Operations + Count, Took, CpuMs + CpuAfter - CpuBefore},
    if
        Mode =:= quick; Took >= ?ROUND_NS -> Sum;
        true -> round(Count, Mode, Work, Sum)
    end.
