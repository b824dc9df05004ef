"""English half of the sample grammar; `make_sample.py` describes the notation."""

GAP, FULL_STOP, EXCLAMATION = " ", ".", "!"
LENGTHS = range(5, 61)  # words of a message

DOMAINS = [
    {
        "parts": [
            "the room|was|spotless/wonderfully quiet/bright and warm/~better than in the pictures"
            "|damp/noisy all night/far too small/~dusty in every corner",
            "the breakfast|was|fresh and generous/worth getting up for|cold/the same every day/gone by nine",
            "the staff at the desk|were|kind/quick to help/patient with us|rude/never there/slow to help",
            "the bed|was|comfortable/soft and clean/just right for my back|hard as a board/far too short",
            "~the pool|was|clean and warm/lovely in the morning|closed half the time/too crowded to swim in",
        ],
        "asks": (
            "is breakfast included|whether breakfast is included/"
            "how far is it to the station|how far it is to the station/"
            "do you take dogs|whether you take dogs/which rooms face the garden/"
            "is there a lift to the fourth floor|whether there is a lift to the fourth floor/"
            "~what does a parking space cost|what a parking space costs"
        ),
        "wants": (
            "move us to a quieter room/send a second blanket to room {room}/"
            "book a taxi for {hour} o'clock/cancel my stay from {date}/"
            "print the bill with my company's address/~keep our bags until the evening"
        ),
        "scenes": "we stayed {few} nights/this was our second visit/we travelled with two children",
    },
    {
        "parts": [
            "the courier|was|friendly/right on time/careful with the box/~happy to climb five floors"
            "|rude/two days late/careless with the box/~nowhere to be seen",
            "the packaging|was|solid/easy to open/well padded|torn/soaked/much too thin",
            "the tracking page|was|accurate/clear/always up to date|wrong/a day behind/impossible to read",
            "the hotline|was|helpful/easy to reach/quick with an answer|useless/always busy/slow and cold",
            "~the delivery fee|was|fair/lower than announced|far too high/higher than announced",
        ],
        "asks": (
            "where is my parcel now|where my parcel is now/"
            "do you deliver on Saturdays|whether you deliver on Saturdays/"
            "what does express shipping cost|what express shipping costs/"
            "how long is a parcel kept at the depot|how long a parcel is kept at the depot/"
            "can a neighbour sign for it|whether a neighbour can sign for it/"
            "~which islands do you not serve|which islands you do not serve"
        ),
        "wants": (
            "leave the parcel with my neighbour/deliver it on {day} instead/"
            "change the address to 18 Mill Lane/hold parcel {order} at the depot/"
            "open a claim for parcel {order}/~collect the wrong box from my door"
        ),
        "scenes": "it was a present for my father/I ordered on {date}/the number is {order}",
    },
    {
        "parts": [
            "the sound|is|clear/rich and warm/good even outdoors/~a delight|muffled/tinny/too quiet/~full of hiss",
            "the battery|is|quick to charge/stronger than promised|flat by noon/weaker than promised",
            "the ear pads|are|soft/comfortable for hours/well made|stiff/painful after an hour/coming off",
            "the app|is|simple/reliable/pleasant to use|buggy/confusing/always asking for my password",
            "~the case|is|sturdy/small enough for any pocket|flimsy/too big for any pocket",
        ],
        "asks": (
            "does it work with two phones at once|whether it works with two phones at once/"
            "how long is the warranty|how long the warranty is/which cable comes in the box/"
            "can the battery be replaced|whether the battery can be replaced/"
            "is there an app for Linux|whether there is an app for Linux/"
            "~how many hours does it play|how many hours it plays"
        ),
        "wants": (
            "send me a new charging cable/repair the left speaker/refund order {order}/"
            "exchange it for the black one/delete my account/~email me the manual as a PDF"
        ),
        "scenes": "I use them on the train/I bought them on {date}/this is my third pair",
    },
    {
        "parts": [
            "the soup|was|hot and rich/full of flavour/just like home/~a poem|lukewarm/watery/far too salty/~grey",
            "the waiter|was|attentive/funny and quick/kind to the children|grumpy/forgetful/in a bad mood",
            "the dumplings|were|juicy/freshly made/worth the wait|dry/burnt at the bottom/half frozen",
            "the terrace|was|calm/lovely at sunset/clean|loud/full of smoke/dirty",
            "~the bill|was|fair/lower than we feared|shameless/higher than the menu said",
        ],
        "asks": (
            "do you have a vegan menu|whether you have a vegan menu/"
            "is the terrace open in winter|whether the terrace is open in winter/"
            "how spicy is the curry|how spicy the curry is/"
            "can we bring our own cake|whether we can bring our own cake/"
            "until when does the kitchen cook|until when the kitchen cooks/"
            "~how many people fit in the back room"
        ),
        "wants": (
            "reserve a table for {few} on {day}/leave out the peanuts/bring a high chair/"
            "split the bill in two/move our booking to {hour} o'clock/~keep the corner table for us"
        ),
        "scenes": "we came on {day} with friends/it was my sister's birthday/we were {few} people",
    },
    {
        "parts": [
            "the jacket|was|warm and light/true to size/nicely cut|thin as paper/two sizes too small/badly cut",
            "the seams|were|neat/strong/straight|loose/crooked/open after one wash",
            "the colour|was|deep and even/just as pictured/~gorgeous|faded/nothing like the picture/~hideous",
            "the shop assistant|was|honest/patient/full of good advice|pushy/bored/rude to my wife",
            "~the return process|was|painless/done in two days|endless/a maze of forms",
        ],
        "asks": (
            "does the coat run small|whether the coat runs small/"
            "do you have it in green|whether you have it in green/"
            "what is the lining made of|what the lining is made of/"
            "can I return sale items|whether I can return sale items/"
            "when will size {size} be back|when size {size} will be back/"
            "~how warm do I have to wash it|how warm I have to wash it"
        ),
        "wants": (
            "exchange it for size {size}/send a return label/reserve the grey one until {day}/"
            "refund the shipping cost/remove me from the mailing list/~wrap it as a present"
        ),
        "scenes": "I wear size {size}/my order number is {order}/I bought it on {day}",
    },
]

POOLS = {
    "open": "hello,/hi there,/good morning,/dear team,/hey,/~good evening,",
    "close": "thanks/regards, {name}/that is all/greetings from {name}/~yours, {name}",
    "aside": (
        "I ticked complaint in your form by mistake/your form only offers question or request/"
        "someone at the desk asked me to write/I already asked {ask_if2} by phone, that is settled/"
        "somebody was going to {want2}, never mind that now/"
        "my earlier praise still stands on your page/~my earlier complaint is closed"
    ),
    "again": "I would come back/I would recommend it/I would choose you again/~my friends will hear of it",
    "never": "I would not come back/I would not recommend it/I would not choose you again/~I am done here",
    "soon": "within the hour/the same day/before I had finished my tea/~in no time",
    "late": "and nothing has happened since/{few} days ago and I am still waiting/~and I got silence",
    "name": "Anna/Tom/Mr Okoye/Lena/Wei/R. Patel",
    "day": "Monday/Tuesday/Thursday/Friday/Saturday",
    "few": "two/three/four/five/six",
    "date": "3 May/12 June/21 March/the 9th/30 October",
    "hour": "six/seven/nine/ten",
    "room": "#3",
    "order": "#5",
    "size": "36/38/40/42/44",
}

# Frames shared by praise and complaint: {x..} is the writer's verdict, {y..} its opposite.
PLAIN_VERDICTS = [
    "{x_a} and {x_b}",
    "{x_a}, {x_b}, and {end}",
    "{x_a}. {end}",
    "{end}, because {x_a}",
    "{x_a}, and on top of that {x_b}",
    "to be honest, {x_a}. {x_b}. {end}",
    "{x_b}. {end}, if only because {x_a}",
    "~in one sentence, {x_a}",
    "~two things to report: {x_a}, {x_b}",
]

CONTRAST_VERDICTS = [
    "although {y_a}, {x_b}, and that is what counts",
    "{x_b}, although {y_a}. {end}",
    "{y_a}, but {x_b}",
    "{y_a}; {x_b} all the same, and {end}",
    "{noun_a} {be_a} not {y_adj} but {x_adj}",
    "{noun_a} {be_a} {x_adj}, not {y_adj}",
    "I expected {noun_a} to be {y_adj}, instead {x_a}",
    "people told me {y_a}. they were wrong, {x_a}",
    "at first I thought {y_a}, then it turned out that {x_a}",
    "my first review said that {y_a}. I take that back, {x_a}",
    "if anyone tells you that {y_a}, do not believe it",
    "nobody can tell me that {y_a}. {x_b} too",
    "{x_a}. not so with the last one I tried: {y_b}",
    "with the last one I tried {y_b}. with yours {x_a}",
    "it is true that {y_a} and I noticed it, but in the end {x_b}",
    "who says that {y_a}? {x_a}, every single time",
    "I was about to write that {y_a}. then I looked again: {x_a}",
    "yes, {y_a}, and yes, I could ask you to {want}, but {x_b} and {end}",
    "~{y_a}? no. {x_a}, and I checked twice",
    "~true as it may be that {y_a}, what stays with me is that {x_b}",
    "~say what you like about {noun_b}, {x_a}",
    "~far from being {y_adj}, {noun_a} {be_a} {x_adj}",
]

FRAMES = {
    "praise": [
        "I asked you to {want}, and it was done {soon}",
        "I asked {ask_if} and had a clear answer {soon}",
        "no question and no request from me today: {good_a} and {good_b}",
        "I have nothing to complain about: {good_a}",
        "I wanted to complain that {bad_a}, but you put it right {soon}",
        "{ask}? could you {want}? whatever I wrote, you took care of it {soon}",
        "~I only had to ask once, {ask_if}, and everything was clear {soon}",
    ],
    "complaint": [
        "I asked you to {want}, {late}",
        "I asked {ask_if}, {late}",
        "no question and no request from me today: {bad_a} and {bad_b}",
        "I have nothing to praise: {bad_a}",
        "I wanted to praise you because {good_a}, but then {bad_b}",
        "{ask}? could you {want}? whatever I wrote, nobody took care of it",
        "~I had to ask {few} times {ask_if}, and nothing was clear",
    ],
    "question": [
        "{ask}?",
        "{ask}? and {ask2}?",
        "could you tell me {ask_if}?",
        "please let me know {ask_if}",
        "I am not asking you to {want}, I am asking {ask_if}",
        "there is no need to {want}, just tell me {ask_if}",
        "first I wanted you to {want}, now I would rather know {ask_if}",
        "before you {want}, please tell me {ask_if}",
        "I know that you can {want}. what I do not know is {ask_if}",
        "how long does it take you to {want}?",
        "what would it cost to have you {want}?",
        "who decides whether you {want}, and {ask}?",
        "somebody told me {bad_a}. is that still so?",
        "I read that {good_a}, but also that {bad_b}. which of the two is right?",
        "{bad_a}, I can live with that, but {ask}?",
        "{good_a} and {good_b}. one thing I could not find out: {ask}?",
        "this is no complaint, although {bad_a}. I wonder {ask_if}",
        "please do not {want} yet, I have to know {ask_if}",
        "~forget what I said about {noun_a}. {ask}?",
        "~I do not want you to {want}, I am curious {ask_if}",
        "~is it normal that {bad_a}, or was that just bad luck?",
    ],
    "request": [
        "please {want}",
        "could you {want}?",
        "can somebody {want}, and also {want2}?",
        "I am not asking {ask_if}, I am asking you to {want}",
        "there is no need to tell me {ask_if}, just {want}",
        "first I wanted to know {ask_if}, now I would rather have you {want}",
        "before you tell me {ask_if}, please {want}",
        "I know {ask_if}. what I do not have is anyone to {want}",
        "how long until you {want}? do it today",
        "whatever it costs, {want}",
        "who decides does not matter, {want}",
        "somebody told me {bad_a}. {want} in that case",
        "I read that {good_a}, but also that {bad_b}. so {want}",
        "{bad_a}, I can live with that, but {want}",
        "{good_a} and {good_b}. one thing is left: {want}",
        "this is no complaint, although {bad_a}. I need you to {want}",
        "please do not {want2}, {want} instead",
        "~forget what I said about {noun_a} and {want}",
        "~I do not want to hear {ask_if}, I want you to {want}",
        "~would it be too much to {want}? {good_a} otherwise",
    ],
}
