// The message schedule of one hash as a pipeline: at stage t the sixteen words from W[t] on are in registers.
//
// START, LAST   the first stage, and the last round that takes a word
// LIVE          which words are computed (bit t: W[t]); the others are left out
// KNOWN         which words have a sum of left-out words as one more addend, known[t]
// window        the sixteen words from W[START] on
// words         W[t] as stage t sees it, W[0] leftmost
module expander #(
    parameter START = 0, LAST = 63, ADDER = 0,
    parameter [79:0] LIVE = ~80'b0, KNOWN = 80'b0
) (
    input clk,
    input [511:0] window,
    input [2047:0] known,
    output [2047:0] words
);
    genvar t, j;
    generate
        for (t = 0; t < START; t = t + 1) begin : before
            assign words[2047-32*t -: 32] = 32'b0;
        end
        for (t = START; t <= LAST; t = t + 1) begin : stage
            wire [511:0] held;
            if (t == START) begin : first
                assign held = window;
            end else begin : later
                for (j = 0; j < 16; j = j + 1) begin : word
                    if (t + j <= LAST && LIVE[t+j]) begin : live
                        register hold (.clk(clk), .d(stage[t-1].held_next[511-32*j -: 32]), .q(held[511-32*j -: 32]));
                    end else begin : dropped
                        assign held[511-32*j -: 32] = 32'b0;
                    end
                end
            end

            wire [31:0] next;
            if (t + 16 <= LAST && LIVE[t+16]) begin : expansion
                message_word #(
                    .LIVE({LIVE[t], LIVE[t+1], LIVE[t+9], LIVE[t+14]}), .KNOWN(KNOWN[t+16]), .ADDER(ADDER)
                ) schedule (
                    .w16(held[511 -: 32]), .w15(held[479 -: 32]), .w7(held[223 -: 32]), .w2(held[63 -: 32]),
                    .known(known[2047-32*(t+16) -: 32]), .word(next)
                );
            end else begin : nothing
                assign next = 32'b0;
            end
            wire [511:0] held_next = {held[479:0], next};
            assign words[2047-32*t -: 32] = held[511 -: 32];
        end
        for (t = LAST + 1; t < 64; t = t + 1) begin : after
            assign words[2047-32*t -: 32] = 32'b0;
        end
    endgenerate
endmodule
